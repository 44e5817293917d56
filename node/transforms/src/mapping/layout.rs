use std::sync::Arc;

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;

/// The tree of computed fields: names in order of their first appearance, and which item fills each leaf.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout(Vec<(String, Slot)>);

#[derive(Debug, PartialEq, Eq)]
enum Slot {
    Value(usize),
    Group(Layout),
}

impl Layout {
    /// The layout for destinations of which none is twice or inside another.
    pub fn new<'a>(destinations: impl Iterator<Item = &'a [String]>) -> Self {
        let mut layout = Self::default();
        for (item, destination) in destinations.enumerate() {
            layout.insert(destination, item);
        }
        layout
    }

    fn insert(&mut self, destination: &[String], item: usize) {
        let Some((name, rest)) = destination.split_first() else { return };
        if rest.is_empty() {
            self.0.push((name.clone(), Slot::Value(item)));
            return;
        }
        let place = match self.0.iter().position(|(found, _)| found == name) {
            Some(place) => place,
            None => {
                self.0.push((name.clone(), Slot::Group(Self::default())));
                self.0.len() - 1
            }
        };
        if let Some((_, Slot::Group(group))) = self.0.get_mut(place) {
            group.insert(rest, item);
        }
    }

    /// The names on the top level.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The fields, given that of each item by its index.
    pub fn fields(&self, field: &dyn Fn(usize, &str) -> Field) -> Vec<FieldRef> {
        self.0
            .iter()
            .map(|(name, slot)| match slot {
                Slot::Value(item) => Arc::new(field(*item, name)),
                Slot::Group(group) => {
                    Arc::new(Field::new(name, DataType::Struct(Fields::from(group.fields(field))), true))
                }
            })
            .collect()
    }

    /// The columns for `fields`, given that of each item by its index.
    pub fn columns(&self, fields: &[FieldRef], items: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
        let missing = || ArrowError::SchemaError("a field of the mapping is missing".to_owned());
        self.0
            .iter()
            .zip(fields)
            .map(|((_, slot), field)| match (slot, field.data_type()) {
                (Slot::Value(item), _) => items.get(*item).cloned().ok_or_else(missing),
                (Slot::Group(group), DataType::Struct(fields)) => {
                    let columns = group.columns(fields, items)?;
                    StructArray::try_new(fields.clone(), columns, None)
                        .map(|array| Arc::new(array) as ArrayRef)
                }
                (Slot::Group(_), _) => Err(missing()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stand_where_their_name_appears_first() {
        let paths = ["user.firstName", "id", "user.name.last", "user.email"];
        let paths: Vec<Vec<String>> =
            paths.iter().map(|p| p.split('.').map(str::to_owned).collect()).collect();
        let layout = Layout::new(paths.iter().map(Vec::as_slice));
        let fields = layout.fields(&|item, name| Field::new(format!("{name}{item}"), DataType::Int64, true));
        assert_eq!(layout.names().collect::<Vec<_>>(), ["user", "id"]);
        let DataType::Struct(user) = fields[0].data_type() else { unreachable!("user is a group") };
        assert_eq!(
            user.iter().map(|f| f.name().as_str()).collect::<Vec<_>>(),
            ["firstName0", "name", "email3"]
        );
        assert_eq!(fields[1].name(), "id1");
    }
}
