//! What a Task's Resource names.

/// The resource of a Task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A Lambda function's ARN.
    Function(String),
    Activity(String),
    Service(Integration),
}

/// `arn:aws:states:::sqs:sendMessage.waitForTaskToken`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// As written, without the pattern: `sqs`, or `aws-sdk:sqs`.
    pub service: String,
    pub action: String,
    pub pattern: Pattern,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    RequestResponse,
    Sync,
    /// `.sync:2`: the output is JSON and not a string.
    Sync2,
    WaitForTaskToken,
}

impl Pattern {
    pub fn suffix(self) -> &'static str {
        match self {
            Pattern::RequestResponse => "",
            Pattern::Sync => ".sync",
            Pattern::Sync2 => ".sync:2",
            Pattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

impl Integration {
    /// The service behind `aws-sdk:`, if it is an integration of the SDK.
    pub fn sdk_service(&self) -> Option<&str> {
        self.service.strip_prefix("aws-sdk:")
    }

    /// `resource` of the history's events: `sendMessage.waitForTaskToken`.
    pub fn resource(&self) -> String {
        format!("{}{}", self.action, self.pattern.suffix())
    }
}

impl Resource {
    /// `None`: not an ARN that a Task can name.
    pub fn parse(text: &str) -> Option<Resource> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [prefix, partition, service, region, account, rest] = parts.as_slice() else { return None };
        if *prefix != "arn" || !partition.starts_with("aws") || rest.is_empty() {
            return None;
        }
        match (*service, region.is_empty() && account.is_empty()) {
            ("states", false) if rest.starts_with("activity:") => Some(Resource::Activity(text.to_owned())),
            // AWS's own samples name integrations with a region and an account too.
            ("states", _) => integration(rest).map(Resource::Service),
            // A missing `function:` segment is Lambda's to refuse at run time.
            ("lambda", false) if is_function(rest) => Some(Resource::Function(text.to_owned())),
            _ => None,
        }
    }

    pub fn pattern(&self) -> Pattern {
        match self {
            Resource::Service(integration) => integration.pattern,
            _ => Pattern::RequestResponse,
        }
    }
}

fn is_function(text: &str) -> bool {
    !text.ends_with(':') && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:$.".contains(&byte))
}

fn integration(text: &str) -> Option<Integration> {
    let (text, pattern) = [Pattern::Sync2, Pattern::Sync, Pattern::WaitForTaskToken]
        .into_iter()
        .find_map(|pattern| text.strip_suffix(pattern.suffix()).map(|text| (text, pattern)))
        .unwrap_or((text, Pattern::RequestResponse));
    let (service, action) = text.rsplit_once(':')?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':'));
    (word(service) && word(action)).then(|| Integration { service: service.to_owned(), action: action.to_owned(), pattern })
}

/// What the caller knows of services: whether an integration exists.
pub type Lookup<'a> = &'a dyn Fn(&Integration) -> bool;
