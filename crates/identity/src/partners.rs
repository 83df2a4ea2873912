//! Partners that may create delegation requests: their names, accounts, policy templates and permissions boundaries. With AWS a partner
//! registers; here a file lists the partners when the server starts.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation-partner-guide.html>

use crate::{policy_size::policy_size, templates::Template};
use cloudlet_aws::{Account, Arn};
use cloudlet_policy::{Document, Kind, Policy};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Partners {
    partners: Vec<Partner>,
    boundaries: BTreeMap<String, Policy>,
}

#[derive(Debug)]
struct Partner {
    name: String,
    accounts: Vec<Account>,
    templates: BTreeMap<String, Template>,
}

/// A partner in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    accounts: Vec<String>,
    templates: BTreeMap<String, Template>,
    #[serde(default)]
    boundaries: BTreeMap<String, Box<RawValue>>,
}

/// Characters of a partner's name, as in the API model.
const LONGEST_NAME: usize = 30;

/// Characters of a permissions boundary.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-understanding-permissions.html>
const LONGEST_BOUNDARY: usize = 6_144;

/// A policy template and its partner.
pub struct RegisteredTemplate<'p> {
    pub partner: &'p str,
    pub accounts: &'p [Account],
    pub template: &'p Template,
}

impl Partners {
    /// Reads a JSON list of partners: `[{"name", "accounts": […], "templates": {arn: policy}, "boundaries": {arn: policy}}]`.
    pub fn parse(text: &str) -> Result<Partners, String> {
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut all = Partners::default();
        for entry in entries {
            let of = |what: &str| format!("{}: {what}", entry.name);
            if entry.name.is_empty() || entry.name.chars().count() > LONGEST_NAME {
                return Err(of("a partner's name has 1 to 30 characters"));
            }
            let account = |text: &String| Account::parse(text).ok_or_else(|| of(&format!("{text} is not an account id")));
            let accounts = entry.accounts.iter().map(account).collect::<Result<Vec<_>, _>>()?;
            for arn in entry.templates.keys().chain(entry.boundaries.keys()) {
                if Arn::parse(arn).is_none_or(|arn| arn.service() != "iam") {
                    return Err(of(&format!("{arn} is not an ARN of IAM")));
                }
                let known = all.partners.iter().any(|partner| partner.templates.contains_key(arn)) || all.boundaries.contains_key(arn);
                if known {
                    return Err(of(&format!("{arn} is used twice")));
                }
            }
            for (arn, text) in &entry.boundaries {
                if policy_size(text.get()) > LONGEST_BOUNDARY {
                    return Err(of(&format!("{arn}: a permissions boundary has at most {LONGEST_BOUNDARY} characters")));
                }
                let document = Document::parse(text.get(), Kind::Identity).map_err(|error| of(&format!("{arn}: {}", error.message)))?;
                all.boundaries.insert(arn.clone(), Policy { name: arn.as_str().into(), document });
            }
            all.partners.push(Partner { name: entry.name, accounts, templates: entry.templates });
        }
        Ok(all)
    }

    pub fn template(&self, arn: &str) -> Option<RegisteredTemplate<'_>> {
        self.partners.iter().find_map(|partner| {
            let template = partner.templates.get(arn)?;
            Some(RegisteredTemplate { partner: &partner.name, accounts: &partner.accounts, template })
        })
    }

    /// "Since the same boundary policy is globally shared": it belongs to no account.
    pub fn boundary(&self, arn: &str) -> Option<&Policy> {
        self.boundaries.get(arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partners_are_read_with_their_templates_and_boundaries() {
        let template = "arn:aws:iam::partner:delegation-template/example.com/setup";
        let boundary = "arn:aws:iam::partner:policy/permissions-boundary/example.com/Worker_20250115";
        let statement = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}"#;
        let text = format!(
            r#"[{{"name":"Example","accounts":["222222222222"],"templates":{{"{template}":{statement}}},"boundaries":{{"{boundary}":{statement}}}}}]"#
        );
        let partners = Partners::parse(&text).unwrap();
        let registered = partners.template(template).unwrap();
        assert_eq!((registered.partner, registered.accounts.len()), ("Example", 1));
        assert!(partners.boundary(boundary).is_some() && partners.boundary(template).is_none());
        for (wrong, why) in [("222222222222", "22"), ("Example", ""), ("arn:aws:iam", "arn:aws:sns"), ("Allow", "Maybe")] {
            assert!(Partners::parse(&text.replace(wrong, why)).is_err(), "{wrong}");
        }
    }
}
