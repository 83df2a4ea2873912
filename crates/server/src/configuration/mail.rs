//! The settings of mail: ports, quotas, the mailbox.

use super::refusal::Refusal;
use cloudlet_mailbox::MailboxLimits;

#[derive(Clone, Debug, Default)]
pub struct MailPorts {
    pub smtp: Ports,
    pub smtps: Ports,
    pub mx: Ports,
}

/// Ports that were asked for, or the usual one, without which the server starts all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    Asked(Vec<u16>),
    Usual(u16),
}

impl Default for Ports {
    fn default() -> Self {
        Ports::Asked(vec![])
    }
}

/// Two numbers above zero, with a comma.
pub fn pair(name: &str, text: &str) -> Result<(u64, u64), Refusal> {
    let number = |text: &str| text.trim().parse().ok().filter(|number| *number > 0);
    let read = || {
        let (first, second) = text.split_once(',')?;
        Some((number(first)?, number(second)?))
    };
    read().ok_or_else(|| Refusal::says(format_args!("{name}: '{text}' is not two numbers with a comma, such as 50000,14")))
}

/// `50000,14`: recipients in 24 hours, and in a second.
pub fn ses_quota(given: Option<&str>) -> Result<(u64, u64), Refusal> {
    let usual = cloudlet_ses::Options::default();
    given.map_or(Ok((usual.daily, usual.rate)), |text| pair("--ses-quota", text))
}

/// `10000,64`: mails, and MB.
pub fn mailbox(given: Option<&str>) -> Result<MailboxLimits, Refusal> {
    let Some(text) = given else { return Ok(MailboxLimits::default()) };
    let (pieces, megabytes) = pair("--mailbox", text)?;
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(MailboxLimits { pieces: number(pieces), bytes: number(megabytes).saturating_mul(1 << 20) })
}

impl Ports {
    pub fn read(name: &str, given: Option<&str>, usual: u16) -> Result<Ports, Refusal> {
        let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) else { return Ok(Ports::Usual(usual)) };
        if given == "off" {
            return Ok(Ports::Asked(vec![]));
        }
        let port = |text: &str| text.trim().parse().map_err(|_| Refusal::says(format_args!("{name}: '{text}' is no port, nor is it 'off'")));
        given.split(',').map(port).collect::<Result<_, _>>().map(Ports::Asked)
    }
}
