//! DMARC: whether what a message says of its author agrees with what was verified.
//! <https://www.rfc-editor.org/rfc/rfc7489>; policies are found by walking up from the author's domain, so that no list of public suffixes is needed.

use crate::{
    Resolver,
    dkim::{self, Verified},
    names::{above, is_within},
    normalized, spf,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    None,
    Quarantine,
    Reject,
}

impl Policy {
    pub fn name(self) -> &'static str {
        match self {
            Policy::None => "none",
            Policy::Quarantine => "quarantine",
            Policy::Reject => "reject",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The domain has no policy.
    None,
    Pass,
    Fail(Policy),
}

/// What the domain of the author's address says. `envelope` is the domain that SPF was about.
pub fn check(author: &str, (spf, envelope): (spf::Outcome, &str), signatures: &[Verified], resolver: &dyn Resolver) -> Outcome {
    let author = normalized(author);
    let mut domain = Some(author.as_str());
    let found = loop {
        let Some(at) = domain else { return Outcome::None };
        let texts = resolver.texts(&format!("_dmarc.{at}"));
        if let Some(record) = texts.into_iter().find(|text| text.trim_start().starts_with("v=DMARC1")) {
            break (at, record);
        }
        domain = above(at);
    };
    let (of, record) = found;
    let tags = dkim_tags(&record);
    let tag = |name: &str| tags.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let is_aligned = |domain: &str, mode: &str| match tag(mode) {
        Some("s") => normalized(domain) == author,
        _ => is_within(&normalized(domain), of) || is_within(of, &normalized(domain)),
    };
    let by_signature = signatures.iter().any(|one| one.outcome == dkim::Outcome::Pass && is_aligned(&one.domain, "adkim"));
    let by_address = spf == spf::Outcome::Pass && is_aligned(envelope, "aspf");
    if by_signature || by_address {
        return Outcome::Pass;
    }
    let policy = if of == author { tag("p") } else { tag("sp").or(tag("p")) };
    Outcome::Fail(match policy {
        Some("reject") => Policy::Reject,
        Some("quarantine") => Policy::Quarantine,
        _ => Policy::None,
    })
}

fn dkim_tags(record: &str) -> Vec<(String, String)> {
    record.split(';').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Data, zone};

    struct Zone(Vec<zone::Record>);

    impl Resolver for Zone {
        fn records(&self, name: &str) -> Vec<Data> {
            self.0.iter().filter(|record| record.name == name).map(|record| record.data.clone()).collect()
        }
    }

    #[test]
    fn one_aligned_proof_is_enough() {
        let zone = Zone(
            zone::parse("_dmarc.a.com TXT \"v=DMARC1; p=reject; sp=quarantine\"\n_dmarc.s.com TXT \"v=DMARC1; p=none; aspf=s; adkim=s\"").unwrap(),
        );
        let signed = |domain: &str| vec![Verified { domain: domain.into(), selector: "s".into(), outcome: dkim::Outcome::Pass }];
        for (author, spf, envelope, signatures, outcome) in [
            ("a.com", spf::Outcome::Pass, "b.a.com", vec![], Outcome::Pass),
            ("a.com", spf::Outcome::Fail, "a.com", signed("x.a.com"), Outcome::Pass),
            ("a.com", spf::Outcome::Pass, "other.com", signed("other.com"), Outcome::Fail(Policy::Reject)),
            ("b.a.com", spf::Outcome::None, "", vec![], Outcome::Fail(Policy::Quarantine)),
            ("s.com", spf::Outcome::Pass, "b.s.com", signed("b.s.com"), Outcome::Fail(Policy::None)),
            ("none.com", spf::Outcome::Pass, "none.com", vec![], Outcome::None),
        ] {
            assert_eq!(check(author, (spf, envelope), &signatures, &zone), outcome, "{author} {envelope}");
        }
    }
}
