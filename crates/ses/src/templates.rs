//! Templates of mails, and what a call fills them with.

use crate::{
    Ses,
    envelope::Body,
    limits,
    lists::PageLength,
    mime::{Attachment, Content},
    refusal::Refusal,
    render::{Failure, Parsed},
    state::{State, Template},
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use serde_json::{Map, Value};
use std::sync::Arc;

pub const PAGE: PageLength = PageLength { default: 10, most: 100 };

/// The texts of a template.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub subject: Option<String>,
    pub text: Option<String>,
    pub html: Option<String>,
}

impl Parts {
    fn check(&self) -> Result<(), Refusal> {
        if self.subject.as_deref().unwrap_or_default().is_empty() {
            return Err(Refusal::invalid("The subject must be specified."));
        }
        let parts = [&self.subject, &self.text, &self.html];
        if parts.iter().filter_map(|part| part.as_ref()).map(String::len).sum::<usize>() > limits::TEMPLATE_BYTES {
            // AWS: unverified message.
            return Err(Refusal::InvalidTemplate("The template is larger than 500 KB.".to_owned()));
        }
        for part in parts.into_iter().flatten() {
            Parsed::parse(part).map_err(refusal)?;
        }
        Ok(())
    }
}

fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::Template(why) => Refusal::InvalidTemplate(why),
        Failure::Missing(name) => Refusal::MissingAttribute(name),
        // AWS: unverified message.
        Failure::TooLarge => Refusal::InvalidRendering("The rendered template is too large.".to_owned()),
    }
}

/// The data of a call: a JSON object.
pub fn data(text: &str) -> Result<Map<String, Value>, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal::InvalidRendering("Template rendering data is invalid".to_owned()))
}

/// Data of one destination, over the default.
pub fn merged(default: &Map<String, Value>, replacement: &str) -> Result<Map<String, Value>, Refusal> {
    let mut merged = default.clone();
    merged.extend(data(replacement)?);
    Ok(merged)
}

pub fn check_name(name: &str) -> Result<(), Refusal> {
    let is_valid = !name.is_empty() && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if is_valid {
        return Ok(());
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Template name {name} must only contain alphanumeric characters, underscores and dashes, at most 64.")))
}

impl Ses {
    pub fn template(&self, scope: &Scope, name: &str) -> Result<Arc<Template>, Refusal> {
        self.store.read(|state| state.templates.get(&(scope.clone(), name.to_owned())).cloned()).ok_or_else(|| Refusal::NoTemplate(name.to_owned()))
    }

    pub fn create_template(&self, cx: &Cx, name: &str, parts: Parts, tags: cloudlet_shape::Map<String>) -> Result<(), Refusal> {
        check_name(name)?;
        parts.check()?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if state.templates.contains(&key) {
                return Err(Refusal::Exists(format!("Template {name} already exists for account id {}", cx.scope.account.as_str())));
            }
            if State::count(&state.templates, &cx.scope) >= limits::TEMPLATES {
                // AWS: unverified message.
                return Err(Refusal::Limit("The number of templates is at its limit.".to_owned()));
            }
            let Parts { subject, text, html } = parts;
            state.templates.insert(key, Arc::new(Template { subject, text, html, created: cx.now, tags }));
            Ok(())
        })
    }

    pub fn update_template(&self, cx: &Cx, name: &str, parts: Parts) -> Result<(), Refusal> {
        parts.check()?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            let template = state.templates.get_mut(&key).ok_or_else(|| Refusal::NoTemplate(name.to_owned()))?;
            let Parts { subject, text, html } = parts;
            let (created, tags) = (template.created, template.tags.clone());
            *template = Arc::new(Template { subject, text, html, created, tags });
            Ok(())
        })
    }

    pub fn delete_template(&self, cx: &Cx, name: &str) -> Result<(), Refusal> {
        let removed = self.store.update(|state| state.templates.remove(&(cx.scope.clone(), name.to_owned())));
        removed.map(drop).ok_or_else(|| Refusal::NoTemplate(name.to_owned()))
    }

    /// The message that TestRenderTemplate shows.
    pub fn test_render(&self, cx: &Cx, name: &str, text: &str) -> Result<String, Refusal> {
        let template = self.template(&cx.scope, name)?;
        let content = rendered(&template, &data(text)?).map_err(refusal)?;
        let message = crate::mime::build(cx, &crate::mime::message_id(cx), &crate::mime::Addressing::default(), &content);
        Ok(String::from_utf8_lossy(&message).into_owned())
    }
}

/// The body of a templated mail. What the data lacks makes a mail that is accepted and not sent.
pub fn body(template: &Template, data: &Map<String, Value>, headers: Vec<(String, String)>, attachments: Vec<Attachment>) -> Body {
    match rendered(template, data) {
        Ok(content) => Body::Built(Content { headers, attachments, ..content }),
        Err(failure) => Body::Unrendered(refusal(failure).message()),
    }
}

fn rendered(template: &Template, data: &Map<String, Value>) -> Result<Content, Failure> {
    let render = |part: &Option<String>| part.as_deref().map(|part| Parsed::parse(part)?.render(data)).transpose();
    // Line breaks would end the field.
    let subject = render(&template.subject)?.unwrap_or_default().replace(['\r', '\n'], " ");
    Ok(Content { subject, text: render(&template.text)?, html: render(&template.html)?, headers: vec![], attachments: vec![] })
}
