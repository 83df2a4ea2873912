//! Session policies: a list in the form of the evaluator, in rows as names and texts.

use cloudlet_policy::{Document, Kind, Policy};
use serde::Deserialize;
use std::sync::Arc;

pub fn serialize<S: serde::Serializer>(policies: &Arc<[Policy]>, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(policies.iter().map(|policy| (&*policy.name, policy.document.normalized())))
}

pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Arc<[Policy]>, D::Error> {
    let listed = <Vec<(String, String)>>::deserialize(from)?;
    let policy = |(name, text): (String, String)| Policy { name: name.into(), document: Document::stored(&text, Kind::Identity) };
    Ok(listed.into_iter().map(policy).collect())
}
