use arrow::buffer::BooleanBuffer;

use crate::choose::choose;
use crate::eval::{Active, Evaluator};
use crate::failures::Failures;
use crate::kind::Kind;
use crate::plan::{Bind, Plan};
use crate::syntax::BindKind;
use crate::truth::Truth;
use crate::vector::{Data, Vector};

impl Evaluator<'_> {
    /// `first` where it is not null, else `other`, which is evaluated only for these rows.
    pub fn or_else(&self, first: &Plan, other: &Plan, kind: &Kind, active: Active<'_>) -> Vector {
        let first = self.eval(first, active);
        let valid = self.valid(&first);
        let wanted = self.sound(active, &first.failures);
        let (yes, no) = (&wanted & &valid, &wanted & &!&valid);
        let other = (no.count_set_bits() > 0).then(|| self.eval(other, Some(&no)));
        let failures = first.failures.clone();
        choose(Truth { yes, no, failures }, Some(first), other, kind, self.rows)
    }

    /// `first` where it does not fail, else `other`, which is evaluated only for these rows.
    pub fn catch(&self, first: &Plan, other: &Plan, kind: &Kind, active: Active<'_>) -> Vector {
        let mut first = self.eval(first, active);
        let wanted = self.wanted(active);
        let mut yes = self.sound(active, &first.failures);
        if let Data::Nested { .. } = first.data {
            // What is inside is read only now.
            let (vector, sound) = (&first, &yes);
            yes = BooleanBuffer::collect_bool(self.rows, |row| sound.value(row) && vector.value(row).is_ok());
        }
        let no = &wanted & &!&yes;
        if no.count_set_bits() == 0 {
            return first;
        }
        first.failures = Failures::none();
        let other = self.eval(other, Some(&no));
        choose(Truth { yes, no, failures: Failures::none() }, Some(first), Some(other), kind, self.rows)
    }

    /// The body with a name for the value; of optionals only in the rows whose value is not null.
    pub fn bind(&self, bind: &Bind, kind: &Kind, active: Active<'_>) -> Vector {
        let value = self.eval(&bind.value, active);
        let mut locals = self.locals.clone();
        locals.truncate(bind.local);
        if bind.kind == BindKind::Value {
            locals.push(value);
            return self.with_locals(locals).eval(&bind.body, active);
        }
        let failures = value.failures.clone();
        let yes = &self.sound(active, &failures) & &self.valid(&value);
        locals.push(value);
        let body = (yes.count_set_bits() > 0).then(|| self.with_locals(locals).eval(&bind.body, Some(&yes)));
        let none = BooleanBuffer::new_unset(self.rows);
        choose(Truth { yes, no: none, failures }, body, None, kind, self.rows)
    }

    /// The rows whose value is not null.
    fn valid(&self, vector: &Vector) -> BooleanBuffer {
        match vector.data.nulls() {
            None => BooleanBuffer::new_set(self.rows),
            Some(nulls) if vector.constant => {
                if nulls.null_count() > 0 {
                    BooleanBuffer::new_unset(self.rows)
                } else {
                    BooleanBuffer::new_set(self.rows)
                }
            }
            Some(nulls) => nulls.into_inner(),
        }
    }

    /// The rows that are wanted and have not failed.
    fn sound(&self, active: Active<'_>, failures: &Failures) -> BooleanBuffer {
        let live = self.live(active, failures);
        live.map_or_else(|| BooleanBuffer::new_set(self.rows), |live| live.into_inner())
    }
}
