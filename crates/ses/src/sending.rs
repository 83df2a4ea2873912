//! Sending: what AWS checks, in its order, and what becomes of a mail that passes.

use crate::{
    Ses,
    account::Access,
    addresses::{self, Address},
    envelope::{Body, Envelope},
    events::Happened,
    identities,
    mime::{self, Addressing, Visible},
    refusal::Refusal,
    state::State,
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mailbox::{Channel, Mail};

impl Ses {
    /// Sends a mail, or says why not. The answer is its id.
    pub async fn send(&self, cx: &Cx, envelope: &Envelope, body: &Body, longest: usize) -> Result<String, Refusal> {
        let with_default = self.with_default_set(cx, envelope);
        let envelope = with_default.as_ref().unwrap_or(envelope);
        let id = mime::message_id(cx);
        let raw = match body {
            Body::Built(content) => {
                let addressing = Addressing { from: Some(&envelope.from), to: &envelope.to, cc: &envelope.cc, reply_to: &envelope.reply_to };
                Some(mime::build(cx, &id, &addressing, content))
            }
            Body::Raw(raw) => Some(raw.sent(cx, &id)),
            Body::Unrendered => None,
        };
        self.store.write(|state| self.admit(state, cx, envelope, raw.as_ref().map_or(0, Vec::len), longest))?;
        match raw {
            Some(raw) => {
                let subject = self.deliver(cx, envelope, &id, raw);
                self.tell(cx, envelope, &id, subject.as_deref(), Happened::Sent).await;
                self.tell(cx, envelope, &id, subject.as_deref(), Happened::Delivered).await;
            }
            None => {
                let template = envelope.template.clone().unwrap_or_default();
                self.tell(cx, envelope, &id, None, Happened::RenderingFailed { template }).await;
            }
        }
        Ok(id)
    }

    /// The envelope with the configuration set of its identity, if it names none and the identity has one.
    /// <https://docs.aws.amazon.com/ses/latest/dg/managing-configuration-sets-default-adding.html>
    fn with_default_set(&self, cx: &Cx, envelope: &Envelope) -> Option<Envelope> {
        if envelope.configuration_set.is_some() {
            return None;
        }
        let set = self.store.read(|state| state.identity_of(&cx.scope, &envelope.from.address)?.1.configuration_set.clone())?;
        Some(Envelope { configuration_set: Some(set), ..envelope.clone() })
    }

    /// The checks in AWS's order. What passes is counted.
    fn admit(&self, state: &mut State, cx: &Cx, envelope: &Envelope, size: usize, longest: usize) -> Result<(), Refusal> {
        if state.accounts.get(&cx.scope).is_some_and(|account| account.sending_paused) {
            return Err(Refusal::AccountPaused);
        }
        let recipients = u64::try_from(envelope.recipients().count()).unwrap_or(u64::MAX);
        let counted = u64::try_from(envelope.recipients().filter(|address| !addresses::is_simulator(address)).count()).unwrap_or(u64::MAX);
        self.take_quota(state, cx, recipients, counted)?;
        self.check_verified(state, cx, envelope)?;
        self.check_configuration_set(state, cx, envelope)?;
        if size > longest {
            return Err(Refusal::invalid(format!("Message length is more than {longest} bytes long: '{size}'.")));
        }
        state.count_statistics(&cx.scope, cx.now, |point| point.attempts += i64::try_from(recipients).unwrap_or(i64::MAX));
        Ok(())
    }

    fn check_verified(&self, state: &State, cx: &Cx, envelope: &Envelope) -> Result<(), Refusal> {
        let owner = sender_scope(cx, envelope);
        let mut failed: Vec<String> = Vec::new();
        let mut failed_source = None;
        let mut check = |scope: &Scope, address: &str| {
            if !state.is_verified(scope, address) && !failed.iter().any(|known| known == address) {
                failed.push(address.to_owned());
            }
        };
        check(&owner, &envelope.from.address);
        // The identity that was authorized has to be one that the address belongs to.
        if let Some((_, named)) = envelope.source_arn.as_deref().and_then(identities::of_arn)
            && !identities::candidates(&envelope.from.address).contains(&named)
        {
            failed_source = Some(envelope.from.address.clone());
        }
        for address in envelope.senders.iter().chain(&envelope.return_path) {
            check(&owner, Address::parse(address).as_ref().map_or(address.as_str(), |parsed| parsed.address.as_str()));
        }
        let account = state.accounts.get(&cx.scope).cloned().unwrap_or_default();
        if self.access(&account, cx.now) == Access::Sandbox {
            for address in envelope.recipients().filter(|address| !addresses::is_simulator(address)) {
                check(&cx.scope, address);
            }
        }
        failed.extend(failed_source.filter(|address| !failed.contains(address)));
        if failed.is_empty() {
            return Ok(());
        }
        Err(Refusal::NotVerified { region: cx.scope.region.as_str().to_owned(), identities: failed })
    }

    fn check_configuration_set(&self, state: &State, cx: &Cx, envelope: &Envelope) -> Result<(), Refusal> {
        let Some(name) = &envelope.configuration_set else { return Ok(()) };
        match state.configuration_sets.get(&(cx.scope.clone(), name.clone())) {
            None => Err(Refusal::NoConfigurationSet(name.clone())),
            Some(set) if set.paused => Err(Refusal::ConfigurationSetPaused(name.clone())),
            Some(_) => Ok(()),
        }
    }

    /// Puts the mail into the mailbox. The result is its subject.
    fn deliver(&self, cx: &Cx, envelope: &Envelope, id: &str, raw: Vec<u8>) -> Option<String> {
        let Visible { subject, text, html } = Visible::of(&raw);
        let mut fields = vec![("MessageId".to_owned(), id.to_owned()), ("Region".to_owned(), cx.scope.region.as_str().to_owned())];
        for (kind, texts) in [("To", &envelope.to), ("Cc", &envelope.cc), ("Bcc", &envelope.bcc)] {
            fields.extend(texts.iter().map(|text| (kind.to_owned(), text.clone())));
        }
        fields.extend(envelope.configuration_set.iter().map(|set| ("ConfigurationSet".to_owned(), set.clone())));
        fields.extend(envelope.tags.iter().map(|(name, value)| (format!("Tag-{name}"), value.clone())));
        let from = match &envelope.from {
            Address { name: Some(name), address } => format!("{name} <{address}>"),
            Address { name: None, address } => address.clone(),
        };
        self.mailbox.put(Mail {
            at: cx.now,
            channel: Channel::Email,
            service: "ses".into(),
            source: Some(identities::arn_of(&cx.scope, &identities::name_of(&envelope.from.address)).to_string()),
            from,
            to: envelope.recipients().map(str::to_owned).collect(),
            subject: subject.clone(),
            body: text.unwrap_or_default(),
            html,
            fields,
            raw: Some(raw.into()),
        });
        subject
    }
}

/// The account and region of the identity that sends. It is another account's only by `SourceArn`, and its policies were asked.
fn sender_scope(cx: &Cx, envelope: &Envelope) -> Scope {
    envelope.source_arn.as_deref().and_then(identities::of_arn).map_or_else(|| cx.scope.clone(), |(scope, _)| scope)
}
