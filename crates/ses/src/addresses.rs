//! Addresses of mail: what a parameter or a header names.
//! The messages are those of JavaMail, which AWS answers with.

/// `Ann <ann@example.com>`: a display name, and the address itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub name: Option<String>,
    pub address: String,
}

/// What is wrong with an address, in AWS's words.
pub type Invalid = &'static str;

/// Longer addresses are none.
/// <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1>
const LONGEST: usize = 320;

impl Address {
    pub fn parse(text: &str) -> Result<Address, Invalid> {
        let text = text.trim();
        if text.contains(['\r', '\n']) {
            return Err("Local address contains control or whitespace");
        }
        let Some(rest) = text.strip_suffix('>') else {
            check(text)?;
            return Ok(Address { name: None, address: text.to_owned() });
        };
        let (name, address) = rest.rsplit_once('<').ok_or("Missing '<'")?;
        check(address)?;
        let name = name.trim();
        Ok(Address { name: (!name.is_empty()).then(|| decoded(name)), address: address.to_owned() })
    }

    /// As a header has it.
    pub fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} <{}>", self.address),
            None => self.address.clone(),
        }
    }

    pub fn domain(&self) -> &str {
        domain_of(&self.address)
    }
}

/// The addresses of a header's value, groups included.
pub fn of_header(value: &str) -> Vec<Address> {
    let header = format!("To: {value}\r\n\r\n");
    let message = mail_parser::MessageParser::new().parse_headers(header.as_bytes());
    let addresses = message.as_ref().and_then(|message| message.to());
    addresses
        .into_iter()
        .flat_map(mail_parser::Address::iter)
        .filter_map(|one| Some(Address { name: one.name().map(str::to_owned), address: one.address()?.to_owned() }))
        .collect()
}

/// A display name without quotes and encoded words.
fn decoded(name: &str) -> String {
    let parsed = of_header(&format!("{name} <a@b>"));
    parsed.into_iter().next().and_then(|address| address.name).unwrap_or_else(|| name.trim_matches('"').to_owned())
}

pub fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// Checks an address without a display name.
pub fn check(address: &str) -> Result<(), Invalid> {
    if address.is_empty() {
        return Err("Empty address");
    }
    if address.len() > LONGEST {
        return Err("Address length is more than 320 characters long");
    }
    let (local, domain) = address.rsplit_once('@').ok_or("Missing final '@domain'")?;
    if local.is_empty() {
        return Err("Missing local name");
    }
    if domain.is_empty() {
        return Err("Missing domain");
    }
    let is_quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    if !is_quoted {
        if local.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("Local address contains control or whitespace");
        }
        // AWS: the local part has to be ASCII.
        if local.chars().any(|c| !c.is_ascii() || "()<>,;:\\\"[]@".contains(c)) {
            return Err("Local address contains illegal character");
        }
        if local.starts_with('.') {
            return Err("Local address starts with dot");
        }
        if local.ends_with('.') {
            return Err("Local address ends with dot");
        }
        if local.contains("..") {
            return Err("Local address contains dot-dot");
        }
    } else if local.chars().any(|c| c.is_control() || !c.is_ascii()) {
        return Err("Local address contains control or whitespace");
    }
    check_domain(domain)
}

pub fn check_domain(domain: &str) -> Result<(), Invalid> {
    if domain.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("Domain contains control or whitespace");
    }
    if domain.chars().any(|c| !(c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_')) {
        return Err("Domain contains illegal character");
    }
    if domain.starts_with('.') {
        return Err("Domain starts with dot");
    }
    if domain.ends_with('.') {
        return Err("Domain ends with dot");
    }
    if domain.contains("..") {
        return Err("Domain contains dot-dot");
    }
    Ok(())
}

/// Whether a text can be the name of a domain identity.
pub fn is_domain_identity(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 255 && text.contains('.') && text.split('.').all(label)
}

/// An address of the mailbox simulator.
/// <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>
pub fn is_simulator(address: &str) -> bool {
    domain_of(address).eq_ignore_ascii_case("simulator.amazonses.com")
}

/// The address without its label: `a@example.com` of `a+label@example.com`.
pub fn without_label(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let (name, _) = local.split_once('+')?;
    Some(format!("{name}@{domain}"))
}

/// As it is compared: domains without case.
pub fn normalized(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", domain.to_ascii_lowercase()),
        None => address.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_and_an_address_are_told_apart() {
        for (text, name, address) in [
            ("ann@example.com", None, "ann@example.com"),
            (" Ann <ann@example.com> ", Some("Ann"), "ann@example.com"),
            ("\"Smith, Ann\" <ann@example.com>", Some("Smith, Ann"), "ann@example.com"),
            ("=?UTF-8?B?5bGx55Sw?= <y@example.jp>", Some("山田"), "y@example.jp"),
            ("<a@b.c>", None, "a@b.c"),
            ("\"a b\"@example.com", None, "\"a b\"@example.com"),
        ] {
            assert_eq!(Address::parse(text), Ok(Address { name: name.map(str::to_owned), address: address.into() }), "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "Empty address"),
            ("ann", "Missing final '@domain'"),
            ("@example.com", "Missing local name"),
            ("ann@", "Missing domain"),
            ("a b@example.com", "Local address contains control or whitespace"),
            ("山田@example.jp", "Local address contains illegal character"),
            ("ann@exa mple.com", "Domain contains control or whitespace"),
            ("ann@exa,mple.com", "Domain contains illegal character"),
            ("ann@.example.com", "Domain starts with dot"),
            ("a..b@example.com", "Local address contains dot-dot"),
            ("a@b\r\nBcc: c@d", "Local address contains control or whitespace"),
        ] {
            assert_eq!(Address::parse(text), Err(reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_stops_the_parser(text in "\\PC{0,80}") {
            let _ = Address::parse(&text);
            let _ = of_header(&text);
        }
    }
}
