//! Why something is refused, for both APIs: they have the same messages under different codes.

use cloudlet_api_ses::faults as v1;
use cloudlet_api_sesv2::faults as v2;
use cloudlet_aws::{Fault, FaultKind};
use cloudlet_engine::paging::InvalidToken;

/// AWS: recorded, and in no model.
pub const INVALID_PARAMETER_VALUE: FaultKind = FaultKind::sender("InvalidParameterValue", 400);
const NOT_IMPLEMENTED: FaultKind = FaultKind::receiver("NotImplemented", 501);
const THROTTLING: FaultKind = FaultKind::sender("Throttling", 400);

#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    Invalid(String),
    /// In the order of the message; the region as the message shows it.
    NotVerified {
        region: String,
        identities: Vec<String>,
    },
    AccountPaused,
    DailyQuota,
    Rate,
    /// The domain of the envelope's sender is not set up, and the identity wants such mail refused.
    MailFrom,
    NoConfigurationSet(String),
    ConfigurationSetPaused(String),
    TenantPaused(String),
    NoTemplate(String),
    MissingAttribute(String),
    InvalidRendering(String),
    InvalidTemplate(String),
    NoIdentity(String),
    Exists(String),
    SetExists(String),
    NoDestination {
        set: String,
        destination: String,
    },
    DestinationExists {
        set: String,
        destination: String,
    },
    NoTopic(String),
    InvalidPolicy(String),
    Limit(String),
    /// What is in the model and not built here.
    NotBuilt(&'static str),
    NotFound(String),
    Conflict(String),
    /// A fault of its own in each API.
    As {
        v1: FaultKind,
        v2: FaultKind,
        message: String,
    },
    /// A page token that was not given for this list.
    Token,
    /// What one API alone says.
    Fault(Fault),
    /// The server itself failed: a full disk.
    Internal(String),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

impl From<InvalidToken> for Refusal {
    fn from(_: InvalidToken) -> Refusal {
        Refusal::Token
    }
}

impl Refusal {
    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::Invalid(message.into())
    }

    pub fn internal(error: impl std::fmt::Display) -> Refusal {
        Refusal::Internal(error.to_string())
    }

    pub fn message(&self) -> String {
        match self {
            Refusal::Invalid(message)
            | Refusal::NotFound(message)
            | Refusal::As { message, .. }
            | Refusal::Conflict(message)
            | Refusal::Internal(message)
            | Refusal::InvalidRendering(message)
            | Refusal::InvalidTemplate(message)
            | Refusal::Exists(message)
            | Refusal::InvalidPolicy(message)
            | Refusal::Limit(message) => message.clone(),
            // AWS: unverified message.
            Refusal::Token => "The specified token is invalid.".to_owned(),
            Refusal::Fault(fault) => fault.message().to_owned(),
            Refusal::NotVerified { region, identities } => {
                format!(
                    "Email address is not verified. The following identities failed the check in region {}: {}",
                    region.to_ascii_uppercase(),
                    identities.join(", ")
                )
            }
            // AWS: unverified message.
            Refusal::AccountPaused => "Email sending is disabled for your account.".to_owned(),
            Refusal::DailyQuota => "Daily message quota exceeded.".to_owned(),
            Refusal::Rate => "Maximum sending rate exceeded.".to_owned(),
            // AWS: recorded over SMTP.
            Refusal::MailFrom => "DNS setup for MAIL FROM domain is invalid.".to_owned(),
            Refusal::NoConfigurationSet(name) => format!("Configuration set <{name}> does not exist."),
            // AWS: unverified message.
            Refusal::ConfigurationSetPaused(name) => format!("Email sending is disabled for configuration set <{name}>."),
            // AWS: unverified message.
            Refusal::TenantPaused(name) => format!("Email sending is disabled for tenant <{name}>."),
            Refusal::NoTemplate(name) => format!("Template {name} does not exist."),
            Refusal::MissingAttribute(name) => format!("Attribute '{name}' is not present in the rendering data."),
            // AWS: measured.
            Refusal::NoIdentity(name) => format!("Email identity {name} does not exist."),
            Refusal::SetExists(name) => format!("Configuration set <{name}> already exists."),
            Refusal::NoDestination { set, .. } => format!("No EventDestination found for {set}"),
            Refusal::DestinationExists { set, destination } => {
                format!("An event destination with name <{destination}> already exists for configuration set <{set}>.")
            }
            Refusal::NotBuilt(what) => format!("Cloudlet does not implement {what} yet."),
            Refusal::NoTopic(arn) => format!("SNS topic <{arn}> not found."),
        }
    }

    /// As the first API answers it.
    pub fn v1(self) -> Fault {
        let kind = match &self {
            Refusal::Invalid(_) => INVALID_PARAMETER_VALUE,
            Refusal::NotVerified { .. } => v1::MESSAGE_REJECTED,
            Refusal::AccountPaused | Refusal::TenantPaused(_) => v1::ACCOUNT_SENDING_PAUSED,
            Refusal::MailFrom => v1::MAIL_FROM_DOMAIN_NOT_VERIFIED,
            Refusal::DailyQuota | Refusal::Rate => THROTTLING,
            Refusal::NoConfigurationSet(_) => v1::CONFIGURATION_SET_DOES_NOT_EXIST,
            Refusal::ConfigurationSetPaused(_) => v1::CONFIGURATION_SET_SENDING_PAUSED,
            Refusal::NoTemplate(_) => v1::TEMPLATE_DOES_NOT_EXIST,
            Refusal::MissingAttribute(_) => v1::MISSING_RENDERING_ATTRIBUTE,
            Refusal::InvalidRendering(_) => v1::INVALID_RENDERING_PARAMETER,
            Refusal::InvalidTemplate(_) => v1::INVALID_TEMPLATE,
            Refusal::NoIdentity(_) => INVALID_PARAMETER_VALUE,
            Refusal::Exists(_) => v1::ALREADY_EXISTS,
            Refusal::SetExists(_) => v1::CONFIGURATION_SET_ALREADY_EXISTS,
            Refusal::NoDestination { .. } => v1::EVENT_DESTINATION_DOES_NOT_EXIST,
            Refusal::DestinationExists { .. } => v1::EVENT_DESTINATION_ALREADY_EXISTS,
            Refusal::NoTopic(_) => v1::INVALID_SNS_DESTINATION,
            Refusal::InvalidPolicy(_) => v1::INVALID_POLICY,
            Refusal::Limit(_) => v1::LIMIT_EXCEEDED,
            Refusal::NotBuilt(_) => NOT_IMPLEMENTED,
            Refusal::NotFound(_) | Refusal::Conflict(_) | Refusal::Token => INVALID_PARAMETER_VALUE,
            Refusal::As { v1, .. } => *v1,
            Refusal::Fault(fault) => return fault.clone(),
            Refusal::Internal(why) => return Fault::internal(why),
        };
        kind.says(self.message())
    }

    /// As the second API answers it.
    pub fn v2(self) -> Fault {
        let kind = match &self {
            Refusal::Invalid(_)
            | Refusal::MissingAttribute(_)
            | Refusal::InvalidRendering(_)
            | Refusal::InvalidTemplate(_)
            | Refusal::InvalidPolicy(_)
            | Refusal::NoTopic(_) => v2::BAD_REQUEST,
            Refusal::NotVerified { .. } => v2::MESSAGE_REJECTED,
            Refusal::MailFrom => v2::MAIL_FROM_DOMAIN_NOT_VERIFIED,
            Refusal::AccountPaused | Refusal::ConfigurationSetPaused(_) | Refusal::TenantPaused(_) => v2::SENDING_PAUSED,
            Refusal::DailyQuota | Refusal::Rate => v2::TOO_MANY_REQUESTS,
            Refusal::NoConfigurationSet(_)
            | Refusal::NoTemplate(_)
            | Refusal::NoIdentity(_)
            | Refusal::NotFound(_)
            | Refusal::NoDestination { .. } => v2::NOT_FOUND,
            Refusal::Conflict(_) => v2::CONFLICT,
            Refusal::Token => v2::INVALID_NEXT_TOKEN,
            Refusal::Fault(fault) => return fault.clone(),
            Refusal::As { v2, .. } => *v2,
            Refusal::Internal(why) => return Fault::internal(why),
            Refusal::Exists(_) | Refusal::SetExists(_) | Refusal::DestinationExists { .. } => v2::ALREADY_EXISTS,
            Refusal::Limit(_) => v2::LIMIT_EXCEEDED,
            Refusal::NotBuilt(_) => NOT_IMPLEMENTED,
        };
        kind.says(self.message())
    }

    /// The status of one mail of many, as the first API writes it.
    pub fn status(&self) -> &'static str {
        match self {
            Refusal::NotVerified { .. } => "MessageRejected",
            Refusal::AccountPaused => "AccountSendingPaused",
            Refusal::DailyQuota => "AccountDailyQuotaExceeded",
            Refusal::Rate => "AccountThrottled",
            Refusal::MailFrom => "MailFromDomainNotVerified",
            Refusal::NoConfigurationSet(_) => "ConfigurationSetDoesNotExist",
            Refusal::ConfigurationSetPaused(_) => "ConfigurationSetSendingPaused",
            Refusal::NoTemplate(_) => "TemplateDoesNotExist",
            Refusal::Invalid(_) => "InvalidParameterValue",
            _ => "Failed",
        }
    }
}
