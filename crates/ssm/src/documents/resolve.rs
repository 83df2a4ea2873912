//! Finding a document: one's own, one that another account shares, one of AWS.

use super::{
    Documents,
    names::{Name, Owner, VersionSelector, no_document_of, no_such_version},
    owned,
    rows::{Document, DocumentKey, Version},
    state::DocumentState,
};
use cloudlet_aws::{Account, Arn, Fault};
use cloudlet_engine::Cx;
use cloudlet_ssm_document::{DocumentType, Parameters};
use std::sync::Arc;

/// A version of a document that was found.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub key: DocumentKey,
    pub owner: Owner,
    pub document: Arc<Document>,
    pub version: Arc<Version>,
}

impl Resolved {
    /// A document of AWS belongs to no account.
    pub fn arn(&self) -> Arn {
        match self.owner {
            Owner::Amazon => owned::arn(&self.key),
            Owner::Account(_) => self.key.arn(),
        }
    }

    pub fn name(&self) -> &str {
        &self.key.name
    }

    pub fn kind(&self) -> DocumentType {
        self.document.kind
    }

    pub fn value(&self) -> serde_json::Value {
        self.version.value()
    }

    pub fn parameters(&self) -> Parameters {
        self.version.parameters()
    }

    /// As answers name it to its owner, and to others by its ARN.
    pub fn shown_name(&self, account: Account) -> String {
        match self.owner {
            Owner::Account(owner) if owner != account => self.arn().to_string(),
            _ => self.name().to_owned(),
        }
    }

    pub fn is_default(&self) -> bool {
        self.version.number == self.document.default
    }
}

/// What an account may use of a document of another.
pub fn shared_with(document: &Document, account: Account) -> Option<&str> {
    document.shares.get(account.as_str()).or_else(|| document.shares.get("all")).map(String::as_str)
}

impl Documents {
    /// A version of the document of this name or ARN, for the account and region of the call.
    pub fn resolve(&self, cx: &Cx, name: &str, wanted: VersionSelector<'_>) -> Result<Resolved, Fault> {
        let parsed = Name::parse(&cx.scope, name).ok_or_else(|| no_document_of(name))?;
        self.store.read(|state| find(state, cx.scope.account, &parsed, wanted, name))
    }

    /// The same where there may be none.
    pub fn find(&self, cx: &Cx, name: &str) -> Option<Resolved> {
        self.resolve(cx, name, VersionSelector::default()).ok()
    }
}

fn find(state: &DocumentState, account: Account, name: &Name, wanted: VersionSelector<'_>, text: &str) -> Result<Resolved, Fault> {
    let own = state.documents.get(&name.key).filter(|_| !name.of_amazon);
    let Some(document) = own else {
        let owned = owned::find(&name.key.name).filter(|_| name.of_amazon || !name.is_arn).ok_or_else(|| no_document_of(text))?;
        let number = number_of(wanted, &owned.document, |_| None).ok_or_else(no_such_version)?;
        if number != owned.version.number {
            return Err(no_such_version());
        }
        let (document, version) = (owned.document.clone(), owned.version.clone());
        return Ok(Resolved { key: name.key.clone(), owner: Owner::Amazon, document, version });
    };
    let of_name = |wanted: &str| state.versions_of(&name.key).find(|version| version.name.as_deref() == Some(wanted)).map(|version| version.number);
    let number = number_of(wanted, document, of_name).ok_or_else(no_such_version)?;
    let owner = name.key.scope.account;
    if owner != account {
        let allowed = match shared_with(document, account).ok_or_else(|| no_document_of(text))? {
            "$ALL" => true,
            "$LATEST" => number == document.latest,
            _ => number == document.default,
        };
        if !allowed {
            return Err(no_such_version());
        }
    }
    let version = state.version(&name.key, number).ok_or_else(no_such_version)?.clone();
    Ok(Resolved { key: name.key.clone(), owner: Owner::Account(owner), document: document.clone(), version })
}

/// The number of the version that is wanted; the default one if nothing is said.
fn number_of(wanted: VersionSelector<'_>, document: &Document, of_name: impl Fn(&str) -> Option<u32>) -> Option<u32> {
    let by_number = wanted.version.map(|version| match version {
        "$DEFAULT" => Some(document.default),
        "$LATEST" => Some(document.latest),
        number => number.parse().ok(),
    });
    let by_name = wanted.version_name.map(of_name);
    match (by_number, by_name) {
        (None, None) => Some(document.default),
        (Some(number), None) | (None, Some(number)) => number,
        (Some(number), Some(named)) => number.filter(|number| Some(*number) == named),
    }
}
