//! The addresses of MAIL and RCPT.

/// `FROM:<a@b> SIZE=1`: the address, and the parameters.
pub fn path(text: &str, keyword: &str) -> Option<(String, String)> {
    let start = text.get(..keyword.len()).filter(|start| start.eq_ignore_ascii_case(keyword))?;
    let rest = text.get(start.len()..)?.trim_start();
    let (address, parameters) = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?,
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    // A route before the address is left out, as it has to be.
    let address = address.rsplit_once(':').filter(|_| address.starts_with('@')).map_or(address, |(_, address)| address);
    Some((address.to_owned(), parameters.to_owned()))
}

pub fn is_address(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= 320
        && !local.is_empty()
        && !domain.is_empty()
        && address.chars().all(|c| !c.is_control() && !matches!(c, '<' | '>' | ','))
        && !domain.contains(char::is_whitespace)
}
