use std::collections::BTreeMap;

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
};

/// Everything in a set of definitions by its full name.
#[derive(Default)]
struct Contents<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
    methods: BTreeMap<String, &'a MethodDescriptorProto>,
}

impl<'a> Contents<'a> {
    fn of(set: &'a FileDescriptorSet) -> Self {
        let mut contents = Self::default();
        for file in &set.file {
            let package = file.package();
            for message in &file.message_type {
                contents.add_message(package, message);
            }
            for each in &file.enum_type {
                contents.enums.insert(format!("{package}.{}", each.name()), each);
            }
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{package}.{}/{}", service.name(), method.name());
                    contents.methods.insert(name, method);
                }
            }
        }
        contents
    }

    fn add_message(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for each in &message.enum_type {
            self.enums.insert(format!("{name}.{}", each.name()), each);
        }
        self.messages.insert(name, message);
    }
}

/// What of `released` does not work any more with `current`, one sentence each. Rules: Protocol Buffers language guide,
/// "Updating A Message Type".
pub fn incompatible(released: &FileDescriptorSet, current: &FileDescriptorSet) -> Vec<String> {
    let (released, current) = (Contents::of(released), Contents::of(current));
    let mut found = Vec::new();
    for (name, old) in &released.messages {
        match current.messages.get(name) {
            Some(new) => message(name, old, new, &mut found),
            None => found.push(format!("message {name} is gone")),
        }
    }
    for (name, old) in &released.enums {
        match current.enums.get(name) {
            Some(new) => enumeration(name, old, new, &mut found),
            None => found.push(format!("enum {name} is gone")),
        }
    }
    for (name, old) in &released.methods {
        let shape = |method: &MethodDescriptorProto| {
            let types = (method.input_type().to_owned(), method.output_type().to_owned());
            (types, method.client_streaming(), method.server_streaming())
        };
        match current.methods.get(name) {
            Some(new) if shape(new) != shape(old) => found.push(format!("method {name} has other types")),
            Some(_) => {}
            None => found.push(format!("method {name} is gone")),
        }
    }
    found
}

fn message(name: &str, old: &DescriptorProto, new: &DescriptorProto, found: &mut Vec<String>) {
    let oneof = |message: &DescriptorProto, field: &FieldDescriptorProto| {
        let index = field.oneof_index.and_then(|index| usize::try_from(index).ok())?;
        Some(message.oneof_decl.get(index)?.name().to_owned())
    };
    for field in &old.field {
        let number = field.number();
        let place = format!("field {} = {number} of {name}", field.name());
        let Some(now) = new.field.iter().find(|now| now.number() == number) else {
            if !new.reserved_range.iter().any(|range| (range.start()..range.end()).contains(&number)) {
                found.push(format!("{place} is gone and its number is not reserved"));
            }
            if !new.reserved_name.iter().any(|reserved| reserved == field.name()) {
                found.push(format!("{place} is gone and its name is not reserved"));
            }
            continue;
        };
        if now.name() != field.name() {
            found.push(format!("{place} is called {} now", now.name()));
        }
        let kind =
            |field: &FieldDescriptorProto| (field.r#type(), field.type_name().to_owned(), field.label());
        if kind(now) != kind(field) {
            found.push(format!("{place} has another type"));
        }
        if (now.proto3_optional(), oneof(new, now)) != (field.proto3_optional(), oneof(old, field)) {
            found.push(format!("{place} is in another oneof, or is optional in one version only"));
        }
    }
    for range in &old.reserved_range {
        for number in range.start()..range.end() {
            if new.field.iter().any(|field| field.number() == number) {
                found.push(format!("{name} uses the reserved number {number} again"));
            }
        }
    }
}

fn enumeration(name: &str, old: &EnumDescriptorProto, new: &EnumDescriptorProto, found: &mut Vec<String>) {
    for value in &old.value {
        let number = value.number();
        let place = format!("value {} = {number} of {name}", value.name());
        match new.value.iter().find(|now| now.number() == number) {
            Some(now) if now.name() != value.name() => {
                found.push(format!("{place} is called {} now", now.name()));
            }
            Some(_) => {}
            None => {
                let reserved = |range: &prost_types::enum_descriptor_proto::EnumReservedRange| {
                    (range.start()..=range.end()).contains(&number)
                };
                if !new.reserved_range.iter().any(reserved) {
                    found.push(format!("{place} is gone and its number is not reserved"));
                }
            }
        }
    }
}
