//! Sending: what AWS checks, in its order, and what becomes of a mail that passes.

use crate::{
    Ses,
    account::Access,
    addresses::{self, Address},
    contacts::{self, Listed},
    envelope::{Body, Envelope},
    events::{About, Happened},
    identities,
    mime::{self, Addressing, Visible},
    outcomes,
    refusal::Refusal,
    state::State,
};
use bytes::Bytes;
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mailbox::{Channel, Mail};
use cloudlet_store::BlobId;

impl Ses {
    /// Sends a mail, or says why not. The answer is its id.
    pub async fn send(&self, cx: &Cx, envelope: &Envelope, body: &Body, longest: usize) -> Result<String, Refusal> {
        let with_default = self.with_default_set(cx, envelope);
        let envelope = with_default.as_ref().unwrap_or(envelope);
        let id = mime::message_id(cx);
        let listed = self.listed(cx, envelope, self.subscription_event(cx, envelope, &id))?;
        let with_link = match &listed {
            Some(Listed::Subscribed { link }) => Some(contacts::with_link(body, link)),
            _ => None,
        };
        let body = with_link.as_ref().unwrap_or(body);
        let raw = match body {
            Body::Built(content) => {
                let addressing = Addressing { from: Some(&envelope.from), to: &envelope.to, cc: &envelope.cc, reply_to: &envelope.reply_to };
                Ok(mime::build(cx, &id, &addressing, content))
            }
            Body::Raw(raw) => Ok(raw.sent(cx, &id)),
            Body::Unrendered(why) => Err(why),
        };
        let owner = sender_scope(cx, envelope);
        for address in std::iter::once(envelope.from.address.as_str()).chain(envelope.senders.iter().map(String::as_str)).chain(envelope.recipients())
        {
            self.look_up(&owner, address, cx.now);
        }
        let identity = self.store.read(|state| state.identity_of(&owner, &envelope.from.address).map(|(name, identity)| (name, identity.clone())));
        let envelope_domain = self.envelope_domain(&owner, identity.as_ref().map(|(_, identity)| &**identity), cx.now).ok_or(Refusal::MailFrom)?;
        self.store.write(|state| self.admit(state, cx, envelope, raw.as_ref().map_or(0, Vec::len), longest))?;
        let set = envelope.configuration_set.clone().and_then(|name| Some((name.clone(), self.configuration_set(&cx.scope, &name).ok()?)));
        let raw = match raw {
            Ok(raw) => raw,
            Err(why) => {
                let about = About { envelope, id: &id, raw: &[], owner, identity, set };
                let template = envelope.template.clone().unwrap_or_default();
                self.tell(cx, &about, &Happened::RenderingFailed { template, why: why.clone() });
                return Ok(id);
            }
        };
        let (raw, links) = self.tracked(cx, &id, raw, set.as_ref().map(|(_, set)| &**set));
        let visible = Visible::of(&raw);
        if visible.has_virus {
            let about = About { envelope, id: &id, raw: &raw, owner, identity, set };
            self.tell(cx, &about, &Happened::Sent);
            self.tell(cx, &about, &Happened::Rejected { reason: "Bad content" });
            self.store.update(|state| state.count_statistics(&cx.scope, cx.now, |point| point.rejects += 1));
            return Ok(id);
        }
        let (raw, signers) = (Bytes::from(raw), self.signers(cx, &owner, &envelope.from.address));
        let stored = self.mailbox.store(BlobId::new(u128::from_be_bytes(cx.ids().uuid_bytes())), raw.clone()).await.map_err(Refusal::internal)?;
        // From here to the end nothing waits: all of it is one commit.
        let about = About { envelope, id: &id, raw: &raw, owner, identity, set };
        let fates = match listed {
            Some(Listed::Unsubscribed) => outcomes::unsubscribed(envelope),
            _ => self.fates(&about, &cx.scope),
        };
        let brought = outcomes::arriving(&fates).into_iter().filter(|address| self.is_brought_here(address)).collect::<Vec<_>>();
        if let (Some(links), Some((set, _))) = (links, &about.set) {
            self.remember_links(cx, &id, set, serde_json::Value::from(about.of_event(cx)).to_string(), links);
        }
        let recipients = outcomes::sent_to(&fates);
        if !recipients.is_empty() {
            let mail = sent_mail(cx, envelope, (&id, &envelope_domain), visible, recipients);
            let number = self.mailbox.put_with(mail, stored, &signers);
            let leaving = outcomes::arriving(&fates).into_iter().filter(|address| !brought.contains(address) && !addresses::is_simulator(address));
            self.relay(cx, number, format!("{id}@{envelope_domain}"), leaving.collect());
        }
        self.tell(cx, &about, &Happened::Sent);
        self.settle_fates(cx, &about, &fates);
        if !brought.is_empty() {
            self.bring(cx, &id, &envelope_domain, brought, self.mailbox.signed(&raw, &signers, cx.now)).await;
        }
        Ok(id)
    }

    /// Where it is told that the recipient of a mail unsubscribes, if somebody wants to know.
    fn subscription_event(&self, cx: &Cx, envelope: &Envelope, id: &str) -> Option<(String, String)> {
        let name = envelope.list.as_ref().and(envelope.configuration_set.as_ref())?;
        let set = self.configuration_set(&cx.scope, name).ok().filter(|set| set.wants("SUBSCRIPTION"))?;
        let about = About { envelope, id, raw: &[], owner: sender_scope(cx, envelope), identity: None, set: Some((name.clone(), set)) };
        Some((name.clone(), serde_json::Value::from(about.of_event(cx)).to_string()))
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
        state.check_tenant(&cx.scope, envelope)?;
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
}

/// The mail as the mailbox has it.
fn sent_mail(cx: &Cx, envelope: &Envelope, (id, domain): (&str, &str), visible: Visible, recipients: Vec<String>) -> Mail {
    let Visible { subject, text, html, .. } = visible;
    let mut fields = vec![("MessageId".to_owned(), id.to_owned()), ("Region".to_owned(), cx.scope.region.as_str().to_owned())];
    for (kind, texts) in [("To", &envelope.to), ("Cc", &envelope.cc), ("Bcc", &envelope.bcc)] {
        fields.extend(texts.iter().map(|text| (kind.to_owned(), text.clone())));
    }
    fields.push(("MailFrom".to_owned(), format!("{id}@{domain}")));
    fields.extend(envelope.configuration_set.iter().map(|set| ("ConfigurationSet".to_owned(), set.clone())));
    fields.extend(envelope.tenant.iter().map(|tenant| ("Tenant".to_owned(), tenant.clone())));
    fields.extend(envelope.tags.iter().map(|(name, value)| (format!("Tag-{name}"), value.clone())));
    Mail {
        source: Some(identities::arn_of(&cx.scope, &identities::name_of(&envelope.from.address)).to_string()),
        from: envelope.from.shown(),
        to: recipients,
        subject,
        body: text.unwrap_or_default(),
        html,
        fields,
        ..Mail::new(cx.now, Channel::Email, "ses")
    }
}

/// The account and region of the identity that sends. It is another account's only by `SourceArn`, and its policies were asked.
fn sender_scope(cx: &Cx, envelope: &Envelope) -> Scope {
    envelope.source_arn.as_deref().and_then(identities::of_arn).map_or_else(|| cx.scope.clone(), |(scope, _)| scope)
}
