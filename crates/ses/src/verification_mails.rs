//! Mails of one's own that ask people to verify their address.
//! <https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html#send-email-verify-address-custom>

use crate::{
    Ses,
    account::Access,
    addresses::Address,
    envelope::{Body, Envelope},
    identities::checked_address,
    limits,
    lists::PageLength,
    mime::Content,
    refusal::Refusal,
    state::{Link, State, VerificationTemplate},
};
use cloudlet_api_ses::faults as v1;
use cloudlet_api_sesv2::faults as v2;
use cloudlet_engine::Cx;
use std::sync::Arc;

/// AWS: measured, like the messages below (<https://github.com/floci-io/floci>, `SesService.java`).
fn missing(name: &str) -> Refusal {
    let message = format!("Custom verification email template <{name}> does not exist");
    Refusal::As { v1: v1::CUSTOM_VERIFICATION_EMAIL_TEMPLATE_DOES_NOT_EXIST, v2: v2::NOT_FOUND, message }
}

impl Ses {
    pub fn verification_template(&self, cx: &Cx, name: &str) -> Result<Arc<VerificationTemplate>, Refusal> {
        self.store.read(|state| state.verification_templates.get(&(cx.scope.clone(), name.to_owned())).cloned()).ok_or_else(|| missing(name))
    }

    fn check_verification_template(&self, cx: &Cx, template: &VerificationTemplate) -> Result<(), Refusal> {
        let from = Address::parse(&template.from).map_err(Refusal::invalid)?;
        if !self.store.read(|state| state.is_verified(&cx.scope, &from.address)) {
            let message = format!("The from email address <{}> is not verified", from.address);
            return Err(Refusal::As { v1: v1::FROM_EMAIL_ADDRESS_NOT_VERIFIED, v2: v2::NOT_FOUND, message });
        }
        for (which, address) in [("success", &template.success), ("failure", &template.failure)] {
            let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.starts_with('/') || address.contains(char::is_whitespace)) {
                return Err(Refusal::invalid(format!("The {which} redirection URL is invalid")));
            }
        }
        if template.content.len() > limits::VERIFICATION_TEMPLATE_BYTES {
            // AWS: unverified message.
            let message = "The content of the template is too large.".to_owned();
            return Err(Refusal::As { v1: v1::CUSTOM_VERIFICATION_EMAIL_INVALID_CONTENT, v2: v2::BAD_REQUEST, message });
        }
        Ok(())
    }

    pub fn create_verification_template(&self, cx: &Cx, name: &str, template: VerificationTemplate) -> Result<(), Refusal> {
        crate::templates::check_name(name)?;
        self.check_verification_template(cx, &template)?;
        self.store.write(|state| {
            let key = (cx.scope.clone(), name.to_owned());
            if state.verification_templates.contains(&key) {
                let message = format!("Custom verification email template <{name}> already exists");
                return Err(Refusal::As { v1: v1::CUSTOM_VERIFICATION_EMAIL_TEMPLATE_ALREADY_EXISTS, v2: v2::ALREADY_EXISTS, message });
            }
            if State::count(&state.verification_templates, &cx.scope) >= limits::VERIFICATION_TEMPLATES {
                // AWS: unverified message.
                return Err(Refusal::Limit(format!("There are at most {} custom verification email templates.", limits::VERIFICATION_TEMPLATES)));
            }
            state.verification_templates.insert(key, Arc::new(template));
            Ok(())
        })
    }

    pub fn update_verification_template(&self, cx: &Cx, name: &str, change: impl FnOnce(&mut VerificationTemplate)) -> Result<(), Refusal> {
        let mut template = (*self.verification_template(cx, name)?).clone();
        change(&mut template);
        self.check_verification_template(cx, &template)?;
        self.store.update(|state| state.verification_templates.insert((cx.scope.clone(), name.to_owned()), Arc::new(template)));
        Ok(())
    }

    pub fn delete_verification_template(&self, cx: &Cx, name: &str) -> Result<(), Refusal> {
        let removed = self.store.update(|state| state.verification_templates.remove(&(cx.scope.clone(), name.to_owned())));
        removed.map(drop).ok_or_else(|| missing(name))
    }

    /// Asks somebody to verify an address, in one's own words. Outside of the sandbox only.
    pub async fn send_verification_template(&self, cx: &Cx, address: &str, name: &str, set: Option<String>) -> Result<String, Refusal> {
        if address.trim().is_empty() {
            return Err(Refusal::invalid("Email address not specified."));
        }
        let address = checked_address(address)?;
        let template = self.verification_template(cx, name)?;
        if self.access(&self.account(&cx.scope), cx.now) == Access::Sandbox {
            // AWS: unverified message.
            let message = "Your account has not been granted production access.".to_owned();
            return Err(Refusal::As { v1: v1::PRODUCTION_ACCESS_NOT_GRANTED, v2: v2::BAD_REQUEST, message });
        }
        self.add_identity(cx, &address, |_| ())?;
        let link = Link {
            scope: cx.scope.clone(),
            identity: address.clone(),
            expires: cx.now.plus_secs(limits::LINK_SECONDS),
            redirects: Some((template.success.clone(), template.failure.clone())),
            unsubscribes: None,
        };
        let link = self.new_link(cx, link);
        // AWS puts the link below what the template says.
        let html = format!("{}<br/><a href=\"{link}\">{link}</a>", template.content);
        let mut envelope = Envelope::new(&template.from)?;
        envelope.to = vec![address];
        envelope.configuration_set = set;
        let body = Body::Built(Content { subject: template.subject.clone(), text: Some(link), html: Some(html), ..Content::default() });
        self.send(cx, &envelope, &body, limits::VERIFICATION_TEMPLATE_BYTES * 2).await
    }
}

/// As many as there may be.
pub const PAGE: PageLength = PageLength { default: 50, most: 50 };

/// The operations that both APIs have under one name: what a template is called in a list, and what the answer is when one is deleted.
macro_rules! verification_mails {
    ($item:ident, $deleted:expr) => {
        operation!(
            ListCustomVerificationEmailTemplates,
            |ses, cx, input| Ok($crate::access::any::<ListCustomVerificationEmailTemplates>(cx).into()),
            |ses, cx, input| {
                let shown = |name: &str, row: &std::sync::Arc<$crate::state::VerificationTemplate>| {
                    Some($item {
                        template_name: Some(name.to_owned()),
                        from_email_address: Some(row.from.clone()),
                        template_subject: Some(row.subject.clone()),
                        success_redirection_url: Some(row.success.clone()),
                        failure_redirection_url: Some(row.failure.clone()),
                    })
                };
                let page = $crate::verification_mails::PAGE;
                let page = ses.list::<ListCustomVerificationEmailTemplates, _, _>(cx, &input, page, |state| &state.verification_templates, shown)?;
                Ok(ListCustomVerificationEmailTemplatesResponse {
                    custom_verification_email_templates: Some(page.items),
                    next_token: page.next_token,
                })
            },
        );

        operation!(
            DeleteCustomVerificationEmailTemplate,
            |ses, cx, input| Ok($crate::access::any::<DeleteCustomVerificationEmailTemplate>(cx).into()),
            |ses, cx, input| {
                ses.delete_verification_template(cx, &input.template_name)?;
                Ok($deleted)
            },
        );

        operation!(
            SendCustomVerificationEmail,
            |ses, cx, input| Ok($crate::access::any::<SendCustomVerificationEmail>(cx).into()),
            |ses, cx, input| {
                let sent = ses.send_verification_template(cx, &input.email_address, &input.template_name, input.configuration_set_name).await?;
                Ok(SendCustomVerificationEmailResponse { message_id: Some(sent) })
            },
        );
    };
}
pub(crate) use verification_mails;
