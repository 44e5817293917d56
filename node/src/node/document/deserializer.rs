use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Fault;
use super::tree::{Key, Node, Value};

/// A value that does not fit, or a name that is not known.
#[derive(Debug)]
pub(super) struct Misfit {
    message: String,
    /// Where, and what has to be taken out to read on; known once the error has left the value.
    at: Option<(Fault, usize)>,
}

impl Misfit {
    fn at(self, place: super::Place, id: usize) -> Self {
        let at = self.at.or_else(|| Some((Fault { place, message: self.message.clone() }, id)));
        Self { at, ..self }
    }

    /// The fault and the id of the value at fault; the whole where no value is.
    pub fn into_parts(self, whole: &Node) -> (Fault, usize) {
        self.at.unwrap_or((Fault { place: whole.place, message: self.message }, whole.id))
    }
}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), at: None }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

/// Lets serde read a value of the tree.
pub(super) struct Reader<'t>(pub &'t Node);

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let node = self.0;
        let result = match &node.value {
            _ if node.is_null() => visitor.visit_unit(),
            Value::Scalar(text, true) => plain(text, visitor),
            Value::Scalar(text, false) => visitor.visit_str(text),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), current: None }),
        };
        result.map_err(|misfit: Misfit| misfit.at(node.place, node.id))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let node = self.0;
        let result = match &node.value {
            Value::Scalar(text, _) => {
                let name: StrDeserializer<'_, Misfit> = text.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            _ => Err(de::Error::custom("one word belongs here")),
        };
        result.map_err(|misfit: Misfit| misfit.at(node.place, node.id))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// What a scalar without quotes is: a boolean, a whole number, or text.
fn plain<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Misfit> {
    match text {
        "true" | "True" | "TRUE" => visitor.visit_bool(true),
        "false" | "False" | "FALSE" => visitor.visit_bool(false),
        _ => match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(number), _) => visitor.visit_u64(number),
            (_, Ok(number)) => visitor.visit_i64(number),
            _ => visitor.visit_str(text),
        },
    }
}

struct Items<'t>(std::slice::Iter<'t, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.0.next().map(|node| seed.deserialize(Reader(node))).transpose()
    }
}

struct Entries<'t> {
    rest: std::slice::Iter<'t, (Key, Node)>,
    current: Option<&'t Node>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.current = Some(value);
        let name: StrDeserializer<'_, Misfit> = key.text.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|misfit| misfit.at(key.place, value.id))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        // serde asks for a value only after its key.
        let value =
            self.current.take().ok_or_else(|| <Misfit as de::Error>::custom("a value without a name"))?;
        seed.deserialize(Reader(value))
    }
}
