//! Who may approve, and whether enough have.

use super::template::{Approver, Kind, Level};
use cloudlet_api_iam::{ListGroupsForUser, ListGroupsForUserRequest};
use cloudlet_aws::{Arn, Caller, Identity, Timestamp};
use cloudlet_engine::Cx;
use serde::{Deserialize, Serialize};

/// A caller as approvers are compared with it: by names and ARNs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    pub arn: String,
    pub user: Vec<String>,
    pub role: Vec<String>,
    pub groups: Vec<String>,
}

/// What an approver has decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub by: Person,
    pub approves: bool,
    pub comment: Option<String>,
    pub at: Timestamp,
}

impl Person {
    /// Who makes a call, with the groups of a user.
    pub async fn of(cx: &Cx) -> Person {
        let arn = cx.caller.arn.to_string();
        let mut person = Person { arn: arn.clone(), ..Person::default() };
        match &cx.caller.identity {
            Identity::User { name } => {
                person.user = vec![name.to_string(), arn];
                let root = Caller::root(cx.caller.account.unwrap_or(cx.scope.account), cx.scope.partition(), None);
                let input = ListGroupsForUserRequest { user_name: name.to_string(), ..ListGroupsForUserRequest::default() };
                let groups = cx.call::<ListGroupsForUser>(root, cx.scope.clone(), input).await;
                person.groups =
                    groups.map(|found| found.groups).unwrap_or_default().into_iter().flat_map(|group| [group.group_name, group.arn]).collect();
            }
            Identity::AssumedRole { role, .. } => {
                let name = role.resource().rsplit('/').next().unwrap_or_default().to_owned();
                let session_of = Arn::build(role.partition(), "sts", "", role.account(), &format!("assumed-role/{name}"));
                person.role = vec![name, role.to_string(), session_of.to_string(), arn];
            }
            _ => {}
        }
        person
    }

    fn is(&self, approver: &Approver) -> bool {
        let names = match approver.kind {
            Kind::User => &self.user,
            Kind::Group => &self.groups,
            Kind::Role => &self.role,
            Kind::Foreign => return false,
        };
        names.contains(&approver.name)
    }

    /// Whether it is named in a list of users, groups and roles of any kind.
    pub fn is_one_of(&self, names: &[String]) -> bool {
        let own = [&self.user, &self.groups, &self.role];
        names.iter().any(|name| *name == self.arn || own.iter().any(|own| own.contains(name)))
    }
}

impl Level {
    pub fn may(&self, person: &Person) -> bool {
        self.approvers.iter().any(|approver| person.is(approver))
    }

    /// AWS: of the number for the level and those for its lines, the larger counts.
    pub fn is_approved(&self, decisions: &[Decision]) -> bool {
        let approving = || decisions.iter().filter(|decision| decision.approves);
        let enough = |approver: &Approver| approving().filter(|decision| decision.by.is(approver)).count() >= approver.least;
        approving().count() >= self.least.max(1) && self.approvers.iter().all(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, groups: &[&str]) -> Person {
        Person {
            arn: format!("arn:aws:iam::1:user/{name}"),
            user: vec![name.into()],
            groups: groups.iter().map(|name| (*name).into()).collect(),
            ..Person::default()
        }
    }

    fn level(least: usize, approvers: &[(&str, Kind, usize)]) -> Level {
        let approver = |(name, kind, least): &(&str, Kind, usize)| Approver { name: (*name).into(), kind: *kind, least: *least };
        Level { name: "l".into(), message: None, topic: None, timeout_seconds: 1, least, approvers: approvers.iter().map(approver).collect() }
    }

    fn yes(by: Person) -> Decision {
        Decision { by, approves: true, comment: None, at: Timestamp(0) }
    }

    #[test]
    fn a_level_counts_lines_and_the_whole() {
        let by_level = level(2, &[("a", Kind::User, 0), ("ops", Kind::Group, 0)]);
        assert!(!by_level.is_approved(&[yes(person("a", &[]))]));
        assert!(by_level.is_approved(&[yes(person("b", &["ops"])), yes(person("c", &["ops"]))]));
        let by_line = level(0, &[("a", Kind::User, 1), ("ops", Kind::Group, 1)]);
        assert!(!by_line.is_approved(&[yes(person("b", &["ops"])), yes(person("c", &["ops"]))]));
        assert!(by_line.is_approved(&[yes(person("b", &["ops"])), yes(person("a", &[]))]));
        assert!(!level(0, &[("a", Kind::User, 0)]).is_approved(&[]));
        assert!(by_level.may(&person("x", &["ops"])) && !by_level.may(&person("ops", &[])));
        assert!(person("x", &["ops"]).is_one_of(&["ops".into()]) && !person("x", &[]).is_one_of(&["ops".into()]));
    }
}
