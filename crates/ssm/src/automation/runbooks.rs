//! The runbook behind a document, read once.

use super::state::Definition;
use crate::{
    Ssm,
    documents::{Resolved, VersionSelector},
    faults,
};
use cloudlet_aws::{Arn, Fault};
use cloudlet_engine::{Cx, fingerprint::Fingerprint};
use cloudlet_runbook::Runbook;
use cloudlet_ssm_document::DocumentType;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// Runbooks that are kept ready; all are read again when there are more.
const CACHED: usize = 512;

#[derive(Default)]
pub struct RunbookCache(Mutex<BTreeMap<Arc<str>, Arc<Runbook>>>);

impl RunbookCache {
    pub fn get(&self, digest: &Arc<str>, content: impl FnOnce() -> Option<Arc<str>>) -> Result<Arc<Runbook>, Fault> {
        if let Some(found) = self.0.lock().get(digest) {
            return Ok(found.clone());
        }
        let content = content().ok_or_else(|| Fault::internal("an automation without its document"))?;
        let value: serde_json::Value = serde_json::from_str(&content).map_err(Fault::internal)?;
        let runbook = Arc::new(Runbook::read(&value).map_err(|problem| faults::INVALID_AUTOMATION_EXECUTION_PARAMETERS.says(problem.0))?);
        let mut cache = self.0.lock();
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(digest.clone(), runbook.clone());
        Ok(runbook)
    }
}

/// A document as it is run.
#[derive(Clone)]
pub struct Runnable {
    pub resolved: Resolved,
    /// As answers name it.
    pub name: String,
    pub version: String,
    pub digest: Arc<str>,
    pub definition: Definition,
    pub runbook: Arc<Runbook>,
}

/// The resource of `ssm:StartAutomationExecution`.
pub fn definition_arn(cx: &Cx, document: &str, version: Option<&str>) -> Arn {
    let name = document.rsplit('/').next().unwrap_or_default();
    Arn::new("ssm", &cx.scope, &format!("automation-definition/{name}:{}", version.unwrap_or("$DEFAULT")))
}

impl Ssm {
    /// The runbook of a document. A change template runs too.
    pub fn runnable(&self, cx: &Cx, name: &str, version: Option<&str>) -> Result<Runnable, Fault> {
        let resolved = self.documents.resolve(cx, name, VersionSelector::version(version)).map_err(|fault| match fault.name() {
            "InvalidDocumentVersion" => {
                faults::AUTOMATION_DEFINITION_VERSION_NOT_FOUND.says("An Automation runbook with the specified version couldn't be found.")
            }
            // AWS: unverified message.
            "InvalidDocument" => faults::AUTOMATION_DEFINITION_NOT_FOUND.says(format!("Automation definition not found: {name}")),
            _ => fault,
        })?;
        if !matches!(resolved.kind(), DocumentType::Automation | DocumentType::ChangeTemplate) {
            return Err(faults::AUTOMATION_DEFINITION_NOT_FOUND.says(format!("Document {name} is not an Automation document.")));
        }
        let hash = resolved.version.hash.as_ref();
        let digest: Arc<str> = hex::encode(Fingerprint::of_texts(&[cx.scope.account.as_str(), hash]).as_bytes()).into();
        let content: Arc<str> = resolved.value().to_string().into();
        let runbook = self.automations.runbooks.get(&digest, || Some(content.clone()))?;
        let (name, version) = (resolved.shown_name(cx.scope.account), resolved.version.number.to_string());
        Ok(Runnable { resolved, name, version, digest, definition: Definition { account: cx.scope.account, content }, runbook })
    }

    pub fn runbook_of(&self, digest: &Arc<str>) -> Result<Arc<Runbook>, Fault> {
        let store = &self.automations.store;
        self.automations.runbooks.get(digest, || store.read(|state| state.definitions.get(digest).map(|definition| definition.content.clone())))
    }
}
