//! What is found about a mail that comes in, and the fields that say so.
//! <https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html#receiving-email-auth-and-scan>

use crate::{addresses, mime, state::Verdicts};
use base64::{Engine, engine::general_purpose::STANDARD};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_mail::{
    Resolver,
    dkim::{self, Verified},
    dmarc,
    spf::{self, Sender},
};
use std::net::IpAddr;

/// Who brings a mail, and for whom it speaks.
pub struct Envelope<'a> {
    pub ip: IpAddr,
    pub helo: &'a str,
    pub from: &'a str,
}

pub struct Found {
    pub shown: Verdicts,
    spf: spf::Outcome,
    signatures: Vec<Verified>,
    dmarc: dmarc::Outcome,
    author: String,
}

/// The text by which spam filters are tried out: <https://spamassassin.apache.org/gtube/>
const GTUBE: [&str; 2] = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST", "-EMAIL*C.34X"];

pub fn of(envelope: &Envelope<'_>, message: &[u8], resolver: &dyn Resolver, now: i64) -> Found {
    let whole = mime::with_line_ends(message);
    let sender = Sender { ip: envelope.ip, address: envelope.from, helo: envelope.helo };
    let spf = spf::check(&sender, resolver);
    let signatures = dkim::verify(&whole, resolver, now);
    let author = mime::author_of(&whole).map(|address| addresses::domain_of(&address).to_ascii_lowercase()).unwrap_or_default();
    let envelope_domain = if envelope.from.is_empty() { envelope.helo } else { addresses::domain_of(envelope.from) };
    let dmarc = dmarc::check(&author, (spf, envelope_domain), &signatures, resolver);
    let gtube = GTUBE.concat();
    let is_spam = whole.windows(gtube.len()).any(|window| window == gtube.as_bytes());
    let verdict = |passes: bool| if passes { "PASS" } else { "FAIL" }.to_owned();
    let shown = Verdicts {
        spam: verdict(!is_spam),
        virus: verdict(!mime::Visible::of(&whole).has_virus),
        // AWS: no record, or one that decides nothing, is GRAY.
        spf: match spf {
            spf::Outcome::Pass => "PASS",
            spf::Outcome::Fail => "FAIL",
            spf::Outcome::Permanent => "PROCESSING_FAILED",
            spf::Outcome::None | spf::Outcome::Neutral | spf::Outcome::SoftFail => "GRAY",
        }
        .to_owned(),
        dkim: match signatures.as_slice() {
            [] => "GRAY".to_owned(),
            some => verdict(some.iter().any(|one| one.outcome == dkim::Outcome::Pass)),
        },
        dmarc: match dmarc {
            dmarc::Outcome::Pass => "PASS",
            dmarc::Outcome::Fail(_) => "FAIL",
            dmarc::Outcome::None => "GRAY",
        }
        .to_owned(),
        dmarc_policy: match dmarc {
            dmarc::Outcome::Fail(policy) => Some(policy.name().to_owned()),
            _ => None,
        },
    };
    Found { shown, spf, signatures, dmarc, author }
}

/// One line of a client's text.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(320).collect()
}

/// The fields that SES adds, in AWS's order.
pub fn head(envelope: &Envelope<'_>, found: &Found, scope: &Scope, recipients: &[String], id: &str, now: Timestamp) -> String {
    let region = scope.region.as_str();
    let (helo, from) = (plain(envelope.helo), plain(envelope.from));
    let ip = envelope.ip;
    let date = mime::date(now);
    let domain = if from.is_empty() { helo.as_str() } else { addresses::domain_of(&from) };
    let why = match found.spf {
        spf::Outcome::Pass => format!("spfCheck: domain of {domain} designates {ip} as permitted sender"),
        spf::Outcome::Fail => format!("spfCheck: domain of {domain} does not designate {ip} as permitted sender"),
        spf::Outcome::SoftFail => format!("spfCheck: domain of transitioning {domain} does not designate {ip} as permitted sender"),
        spf::Outcome::Neutral | spf::Outcome::None => format!("spfCheck: {ip} is neither permitted nor denied by domain of {domain}"),
        spf::Outcome::Permanent => format!("spfCheck: Error in processing SPF Record of {domain}"),
    };
    let spf = format!("{} ({why}) client-ip={ip}; envelope-from={from}; helo={helo};", found.spf.name());
    let mut results = format!("Authentication-Results: amazonses.com;\r\n spf={spf}\r\n");
    for one in &found.signatures {
        let outcome = match one.outcome {
            dkim::Outcome::Pass => "pass",
            dkim::Outcome::Fail(_) => "fail",
            dkim::Outcome::Permanent(_) => "permerror",
        };
        results.push_str(&format!(" dkim={outcome} header.i=@{};\r\n", plain(&one.domain)));
    }
    let dmarc = match found.dmarc {
        dmarc::Outcome::Pass => "pass",
        dmarc::Outcome::Fail(_) => "fail",
        dmarc::Outcome::None => "none",
    };
    results.push_str(&format!(" dmarc={dmarc} header.from={};\r\n", plain(&found.author)));
    let recipient = plain(recipients.first().map_or("", String::as_str));
    // AWS's own bookkeeping, which nobody reads.
    let receipt = STANDARD.encode(format!("AAAAAAAA{id}"));
    format!(
        "Return-Path: <{from}>\r\nReceived: from {helo} ({helo} [{ip}])\r\n by inbound-smtp.{region}.amazonaws.com with SMTP id {id}\r\n for \
         {recipient};\r\n {date}\r\nX-SES-Spam-Verdict: {}\r\nX-SES-Virus-Verdict: {}\r\nReceived-SPF: {spf}\r\n{results}X-SES-RECEIPT: {receipt}\r\n",
        found.shown.spam, found.shown.virus,
    )
}
