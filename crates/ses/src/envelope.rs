//! A mail as a call gives it: its envelope, and what it says.

use crate::{
    addresses::{self, Address},
    limits,
    mime::{Content, RawMail},
    refusal::Refusal,
};

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
    /// As the tag `ses:operation` has it.
    pub operation: &'static str,
    /// The contact list that the recipient is on, and the topic.
    pub list: Option<(String, Option<String>)>,
    /// The tenant that the mail is sent for.
    pub tenant: Option<String>,
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
            operation: "SendEmail",
            list: None,
            tenant: None,
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
    /// A template could not be filled, and why: the mail is accepted and never sent.
    /// <https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html>
    Unrendered(String),
}

/// What a call gives beside a raw message.
#[derive(Default)]
pub struct RawOptions<'a> {
    pub source: Option<&'a str>,
    pub destinations: Option<&'a [String]>,
    pub source_arn: Option<&'a str>,
    pub return_path: Option<&'a str>,
    pub configuration_set: Option<&'a str>,
    pub tenant: Option<&'a str>,
    pub tags: Vec<(String, String)>,
}

/// The envelope of a raw message: what the call gives wins over what the header fields say.
/// <https://docs.aws.amazon.com/ses/latest/APIReference/API_SendRawEmail.html>
pub fn raw_draft(bytes: &[u8], options: RawOptions<'_>) -> Result<(Envelope, Body), Refusal> {
    let missing = || Refusal::invalid("Missing required header 'From'.");
    let raw = RawMail::parse(bytes).ok_or_else(missing)?;
    if let Some(twice) = raw.twice {
        // <https://github.com/arithmetric/aws-lambda-ses-forwarder/issues/11>
        return Err(Refusal::invalid(format!("Duplicate header '{twice}'.")));
    }
    let from = raw.from.first().ok_or_else(missing)?.clone();
    addresses::check(&from.address).map_err(Refusal::invalid)?;
    let mut envelope = Envelope::new(options.source.filter(|source| !source.is_empty()).unwrap_or(&from.address))?;
    envelope.operation = "SendRawEmail";
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
    envelope.tenant = named(options.tenant, "x-ses-tenant");
    envelope.tags = options.tags;
    if envelope.tags.is_empty()
        && let Some(tags) = raw.directive("x-ses-message-tags")
    {
        let tag = |tag: &str| tag.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        envelope.tags = tags.split(',').filter_map(tag).collect();
    }
    Ok((envelope, Body::Raw(Box::new(raw))))
}
