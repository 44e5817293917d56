use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use prost_types::descriptor_proto::ReservedRange;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

use crate::changes::incompatible;

fn current() -> FileDescriptorSet {
    FileDescriptorSet::decode(etl_proto::DESCRIPTORS).unwrap()
}

fn releases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("released");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The current definitions with one message changed.
fn changed(message: &str, change: impl FnOnce(&mut DescriptorProto)) -> FileDescriptorSet {
    let mut set = current();
    let mut messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    change(messages.find(|each| each.name() == message).unwrap());
    set
}

fn only(found: Vec<String>, expected: &str) {
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
}

#[test]
fn every_release_is_still_understood() {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in releases {
        let released = FileDescriptorSet::decode(fs::read(&release).unwrap().as_slice()).unwrap();
        assert!(released.file.iter().map(|file| file.message_type.len()).sum::<usize>() > 20);
        let found = incompatible(&released, &current());
        assert!(found.is_empty(), "{}:\n{}", release.display(), found.join("\n"));
    }
}

#[test]
fn a_field_may_be_added_but_not_renumbered_renamed_or_retyped() {
    let (old, number) = (current(), 900);
    let added = changed("LogId", |message| {
        let mut field = message.field[0].clone();
        (field.name, field.number) = (Some("added".to_owned()), Some(number));
        message.field.push(field);
    });
    assert_eq!(incompatible(&old, &added), Vec::<String>::new());
    assert!(!incompatible(&added, &old).is_empty());
    let renumbered = changed("LogId", |message| message.field[0].number = Some(number));
    assert_eq!(incompatible(&old, &renumbered).len(), 2, "neither number nor name are reserved");
    let renamed = changed("LogId", |message| message.field[0].name = Some("other".to_owned()));
    only(incompatible(&old, &renamed), "is called other now");
    let retyped = changed("LogId", |message| message.field[0].set_type(Type::String));
    only(incompatible(&old, &retyped), "another type");
    let moved = changed("LogId", |message| message.field[0].proto3_optional = Some(true));
    only(incompatible(&old, &moved), "oneof");
}

#[test]
fn a_removed_field_leaves_its_number_and_name_reserved() {
    let old = current();
    let removed = |reserve: bool| {
        changed("LogId", |message| {
            let field = message.field.remove(0);
            if reserve {
                let start = field.number();
                message.reserved_range.push(ReservedRange { start: Some(start), end: Some(start + 1) });
                message.reserved_name.push(field.name().to_owned());
            }
        })
    };
    assert_eq!(incompatible(&old, &removed(false)).len(), 2);
    assert_eq!(incompatible(&old, &removed(true)), Vec::<String>::new());
    only(incompatible(&removed(true), &old), "uses the reserved number 1 again");
}

#[test]
fn messages_enums_and_methods_stay() {
    let old = current();
    let mut without = current();
    for file in &mut without.file {
        file.message_type.retain(|message| message.name() != "WhoAreYouRequest");
        file.enum_type.retain(|each| each.name() != "Role");
        for service in &mut file.service {
            service.method.retain(|method| method.name() != "WhoAreYou");
        }
    }
    let found = incompatible(&old, &without).join("\n");
    for gone in ["message", "enum", "method"] {
        assert!(found.contains(&format!("{gone} actix_etl.")), "{found}");
    }
    let mut other = current();
    for value in other.file.iter_mut().flat_map(|file| &mut file.enum_type).flat_map(|each| &mut each.value) {
        if value.name() == "ROLE_LEADER" {
            value.number = Some(77);
        }
    }
    only(incompatible(&old, &other), "ROLE_LEADER = 1");
    let mut streaming = current();
    for service in streaming.file.iter_mut().flat_map(|file| &mut file.service) {
        for method in &mut service.method {
            if method.name() == "Append" {
                method.client_streaming = Some(true);
            }
        }
    }
    only(incompatible(&old, &streaming), "other types");
}
