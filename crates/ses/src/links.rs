//! The links of verification: AWS sends a mail, and who visits its link has verified the address.

use crate::{
    Ses, contacts,
    events::LinkClient,
    state::{Link, Verification},
};
use cloudlet_api_ses as api;
use cloudlet_aws::Fault;
use cloudlet_digest::{Algorithm, digest};
use cloudlet_engine::{Cx, Permission, handler};
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_shape::{Shape, operations};
use std::sync::Arc;

#[derive(Shape, Clone, Default)]
pub struct VisitLinkRequest {
    pub token: String,
    /// Who visits it.
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// `GET` or `POST`.
    pub method: Option<String>,
}

#[derive(Shape, Clone, Default)]
pub struct VisitLinkResponse {
    /// What the page says.
    pub text: Option<String>,
    /// Where the visitor is led.
    pub location: Option<String>,
    /// The answer is an image that nobody sees.
    pub is_image: Option<bool>,
}

mod own {
    use super::{VisitLinkRequest, VisitLinkResponse, operations};

    operations! { cloudlet_api_ses::SERVICE;
        VisitLink(VisitLinkRequest) -> VisitLinkResponse {}
    }
}

pub use own::VisitLink;

fn hash_of(token: &str) -> Arc<str> {
    digest(Algorithm::Sha256, token.as_bytes()).hex().into()
}

impl Ses {
    /// A link in a mail, which does something when it is visited.
    pub fn new_link(&self, cx: &Cx, link: Link) -> String {
        let token = cx.ids().alphanumeric(40);
        self.store.update(|state| {
            state.links.purge(cx.now.millis(), usize::MAX);
            state.links.insert(hash_of(&token), link);
        });
        format!("{}/_cloudlet/mail-links/{token}", cx.endpoint())
    }

    /// Sends the mail with the link. An earlier link stays valid until it expires.
    pub fn send_verification(&self, cx: &Cx, address: &str) {
        let expires = cx.now.plus_secs(crate::limits::LINK_SECONDS);
        let link = Link { scope: cx.scope.clone(), identity: address.to_owned(), expires, redirects: None, unsubscribes: None };
        let region = cx.scope.region.as_str();
        let link = self.new_link(cx, link);
        // AWS: its mail says the same in other words.
        let body = format!(
            "Dear Amazon Web Services Customer,\r\n\r\nWe have received a request to authorize this email address for use with Amazon SES in region \
             {region}. If you requested this verification, please go to the following URL to confirm that you are authorized to use this email \
             address:\r\n\r\n{link}\r\n\r\nYour request will not be processed unless you confirm the address using this URL. This link expires 24 hours \
             after your original verification request.\r\n"
        );
        self.mailbox.put(Mail {
            source: Some(crate::identities::arn_of(&cx.scope, address).to_string()),
            from: "no-reply-aws@amazon.com".into(),
            to: vec![address.to_owned()],
            subject: Some(format!("Amazon Web Services – Email Address Verification Request in region {region}")),
            body,
            fields: vec![("Region".into(), region.into())],
            ..Mail::new(cx.now, Channel::Email, "ses")
        });
    }
}

fn expired() -> Fault {
    api::faults::INVALID_POLICY.says("").recoded(&cloudlet_aws::FaultKind::sender("LinkExpired", 404))
}

handler!(Ses, VisitLink, |ses, cx, input| Ok(Permission::none()), |ses, cx, input| {
    let visitor = LinkClient { ip: input.ip.unwrap_or_default(), user_agent: input.user_agent.unwrap_or_default() };
    if let Some(location) = ses.follow(cx, &input.token, visitor) {
        let is_image = Some(location.is_none());
        return Ok(VisitLinkResponse { location, is_image, text: None });
    }
    ses.tell_unsubscribed(cx, &hash_of(&input.token));
    ses.store.write(|state| {
        let link = state.links.get_live(&*hash_of(&input.token), cx.now.millis()).cloned().ok_or_else(expired)?;
        if let Some(unsubscribes) = &link.unsubscribes {
            let text = contacts::unsubscribe(state, cx, &link, unsubscribes);
            return Ok(VisitLinkResponse { text: Some(text), ..VisitLinkResponse::default() });
        }
        state
            .change_identity(&link.scope, &link.identity, |identity| identity.verification = Verification::Verified { at: cx.now })
            .map_err(|_| expired())?;
        let text = format!("Congratulations! You have successfully verified an email address: {}", link.identity);
        Ok(VisitLinkResponse { text: Some(text), location: link.redirects.map(|(success, _)| success), is_image: None })
    })
});
