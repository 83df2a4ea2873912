//! Sending: what AWS checks, in its order, and what becomes of a mail that passes.

use crate::{
    Ses,
    addresses::{self, Address},
    events::Happened,
    limits,
    mime::{self, Addressing, Content, RawMail, Visible},
    refusal::Refusal,
    state::State,
};
use cloudlet_aws::Scope;
use cloudlet_engine::Cx;
use cloudlet_mailbox::{Channel, Mail};

/// Who sends, to whom, and by which rules.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub from: Address,
    /// The identity of another account that lets the caller send.
    pub source_arn: Option<String>,
    pub return_path: Option<String>,
    /// Further addresses that must be verified: those of the headers.
    pub senders: Vec<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub reply_to: Vec<String>,
    pub configuration_set: Option<String>,
    pub template: Option<String>,
    pub tags: Vec<(String, String)>,
}

impl Envelope {
    pub fn new(from: &str) -> Result<Envelope, Refusal> {
        Ok(Envelope {
            from: Address::parse(from).map_err(Refusal::invalid)?,
            source_arn: None,
            return_path: None,
            senders: vec![],
            to: vec![],
            cc: vec![],
            bcc: vec![],
            reply_to: vec![],
            configuration_set: None,
            template: None,
            tags: vec![],
        })
    }

    /// All addresses that the mail goes to.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        let texts = self.to.iter().chain(&self.cc).chain(&self.bcc);
        texts.map(|text| text.trim_end().strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text.trim(), |(_, address)| address))
    }

    pub fn feedback_address(&self) -> &str {
        self.return_path.as_deref().unwrap_or(&self.from.address)
    }

    /// Checks what a call gives, before anything is looked up.
    pub fn check(&self) -> Result<(), Refusal> {
        for text in self.to.iter().chain(&self.cc).chain(&self.bcc).chain(&self.reply_to).chain(&self.return_path) {
            Address::parse(text).map_err(Refusal::invalid)?;
        }
        let count = self.recipients().count();
        if count == 0 {
            return Err(Refusal::invalid("Missing required header 'To'."));
        }
        if count > limits::RECIPIENTS {
            return Err(Refusal::invalid(format!("Recipient count exceeds {}.", limits::RECIPIENTS)));
        }
        check_tags(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_MessageTag.html>
fn check_tags(tags: &[(String, String)]) -> Result<(), Refusal> {
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    for (name, value) in tags {
        if name.is_empty() {
            return Err(Refusal::invalid("The tag name must be specified."));
        }
        if value.is_empty() {
            return Err(Refusal::invalid("The tag value must be specified."));
        }
        if name.len() > limits::MESSAGE_TAG {
            return Err(Refusal::invalid("Tag name cannot exceed 255 characters."));
        }
        // AWS: `ses:` begins the names of its own tags, of which a call may give a few.
        if !name.strip_prefix("ses:").unwrap_or(name).chars().all(usual) {
            return Err(Refusal::invalid(format!("Invalid tag name <{name}>: only alphanumeric ASCII characters, '_',  '-' are allowed.")));
        }
        if value.len() > limits::MESSAGE_TAG {
            return Err(Refusal::invalid("Tag value cannot exceed 255 characters."));
        }
        if !value.chars().all(|c| usual(c) || c == '.' || c == '@') {
            let message = format!("Invalid tag value <{value}>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed.");
            return Err(Refusal::invalid(message));
        }
    }
    Ok(())
}

/// What a mail says.
#[derive(Clone, Debug)]
pub enum Body {
    Built(Content),
    Raw(Box<RawMail>),
    /// A template could not be filled: the mail is accepted and never sent.
    /// <https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html>
    Unrendered,
}

impl Ses {
    /// Sends a mail, or says why not. The answer is its id.
    pub async fn send(&self, cx: &Cx, envelope: &Envelope, body: &Body, longest: usize) -> Result<String, Refusal> {
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
        if let Some((_, named)) = envelope.source_arn.as_deref().and_then(crate::identities::of_arn)
            && !crate::identities::candidates(&envelope.from.address).contains(&named)
        {
            failed_source = Some(envelope.from.address.clone());
        }
        for address in envelope.senders.iter().chain(&envelope.return_path) {
            check(&owner, Address::parse(address).as_ref().map_or(address.as_str(), |parsed| parsed.address.as_str()));
        }
        let account = state.accounts.get(&cx.scope).cloned().unwrap_or_default();
        if self.access(&account, cx.now) == crate::account::Access::Sandbox {
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
            source: Some(crate::identities::arn_of(&cx.scope, &crate::identities::name_of(&envelope.from.address)).to_string()),
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
    envelope.source_arn.as_deref().and_then(crate::identities::of_arn).map_or_else(|| cx.scope.clone(), |(scope, _)| scope)
}

/// What a call gives beside a raw message.
#[derive(Default)]
pub struct RawOptions<'a> {
    pub source: Option<&'a str>,
    pub destinations: Option<&'a [String]>,
    pub source_arn: Option<&'a str>,
    pub return_path: Option<&'a str>,
    pub configuration_set: Option<&'a str>,
    pub tags: Vec<(String, String)>,
}

/// The envelope of a raw message: what the call gives wins over what the header fields say.
/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html>
pub fn raw_draft(bytes: &[u8], options: RawOptions<'_>) -> Result<(Envelope, Body), Refusal> {
    let missing = || Refusal::invalid("Missing required header 'From'.");
    let raw = RawMail::parse(bytes).ok_or_else(missing)?;
    let from = raw.from.first().ok_or_else(missing)?.clone();
    addresses::check(&from.address).map_err(Refusal::invalid)?;
    let mut envelope = Envelope::new(options.source.filter(|source| !source.is_empty()).unwrap_or(&from.address))?;
    let source = std::mem::replace(&mut envelope.from, from);
    envelope.senders = raw.from.iter().skip(1).map(|address| address.address.clone()).collect();
    envelope.senders.extend(raw.sender.clone());
    if source.address != envelope.from.address {
        envelope.senders.push(source.address.clone());
        envelope.return_path = Some(source.address);
    }
    if let Some(path) = options.return_path.map(str::to_owned).or_else(|| raw.return_path.clone()) {
        envelope.return_path = Some(path);
    }
    match options.destinations.filter(|destinations| !destinations.is_empty()) {
        Some(destinations) => envelope.to = destinations.to_vec(),
        None => (envelope.to, envelope.cc, envelope.bcc) = (raw.to.clone(), raw.cc.clone(), raw.bcc.clone()),
    }
    let named = |given: Option<&str>, field: &str| given.filter(|given| !given.is_empty()).or_else(|| raw.directive(field)).map(str::to_owned);
    envelope.source_arn = named(options.source_arn, "x-ses-source-arn").or_else(|| raw.directive("x-ses-from-arn").map(str::to_owned));
    envelope.configuration_set = named(options.configuration_set, "x-ses-configuration-set");
    envelope.tags = options.tags;
    if envelope.tags.is_empty()
        && let Some(tags) = raw.directive("x-ses-message-tags")
    {
        let tag = |tag: &str| tag.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        envelope.tags = tags.split(',').filter_map(tag).collect();
    }
    Ok((envelope, Body::Raw(Box::new(raw))))
}
