//! Names and paths: IAM validates them with messages of its own.
//! AWS: "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"

use crate::faults::validation_error;
use cloudlet_aws::Fault;
use cloudlet_shape::{Body, Document, Events, Struct, Target, Timestamp, Value, Writer};

const NAMES: [&str; 6] = ["existingUserNameType", "groupNameType", "instanceProfileNameType", "policyNameType", "roleNameType", "userNameType"];
const PATHS: [&str; 2] = ["pathType", "policyPathType"];

/// Checks every name and path among the members of an input.
pub(crate) fn check(input: &dyn Struct) -> Result<(), Fault> {
    for (index, member) in input.schema().members.iter().enumerate() {
        let kind = member.of.name;
        let is_name = NAMES.contains(&kind);
        if !is_name && !PATHS.contains(&kind) {
            continue;
        }
        let mut found = Text(None);
        input.get(index).write(&mut found, member.of);
        let Some(text) = found.0 else { continue };
        let shown = lower_first(member.name);
        if is_name && !text.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)) {
            return Err(validation_error(format!(
                "The specified value for {shown} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
            )));
        }
        let is_path = text.starts_with('/') && text.ends_with('/') && text.chars().all(|c| ('!'..='~').contains(&c));
        if !is_name && !is_path {
            return Err(validation_error(format!(
                "The specified value for {shown} is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
            )));
        }
    }
    Ok(())
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(characters).collect()
}

/// Reads a value that is a text.
struct Text(Option<String>);

impl Writer for Text {
    fn text(&mut self, value: &str) {
        self.0 = Some(value.to_owned());
    }
    fn boolean(&mut self, _: bool) {}
    fn integer(&mut self, _: i64) {}
    fn float(&mut self, _: f64) {}
    fn blob(&mut self, _: &[u8]) {}
    fn timestamp(&mut self, _: Timestamp, _: &'static Target) {}
    fn document(&mut self, _: &Document) {}
    fn body(&mut self, _: &Body) {}
    fn events(&mut self, _: &Events) {}
    fn list(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = &dyn Value>) {}
    fn map(&mut self, _: &'static Target, _: &mut dyn Iterator<Item = (&str, &dyn Value)>) {}
    fn structure(&mut self, _: &dyn Struct) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloudlet_api_iam::CreateUserRequest;

    #[test]
    fn invalid_names_and_paths_have_the_messages_of_iam() {
        let input =
            |name: &str, path: Option<&str>| CreateUserRequest { user_name: name.into(), path: path.map(str::to_owned), ..Default::default() };
        assert!(check(&input("a+b=c,d.e@f_g-h", Some("/x/y/"))).is_ok());
        let message_of = |input: CreateUserRequest| check(&input).err().map(|fault| fault.message().to_owned());
        assert_eq!(
            message_of(input("bad name!", None)).unwrap(),
            "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
        );
        assert!(message_of(input("u", Some("x"))).unwrap().starts_with("The specified value for path is invalid."));
    }
}
