//! The way out: another server that takes mail of ours, for who wants it to leave.

use bytes::Bytes;
use cloudlet_engine::{Boxed, MailRelay, RelayError};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope, transport::smtp::Error};
use std::{error::Error as _, time::Duration};

/// How long one mail may take.
const SECONDS: u64 = 60;

pub struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Relay {
    /// `smtp://user:password@host:587?tls=required`, `smtps://host`, `smtp://localhost:1025`.
    pub fn to(url: &str) -> Result<Relay, String> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|error| error.to_string())?;
        Ok(Relay { transport: builder.timeout(Some(Duration::from_secs(SECONDS))).build() })
    }
}

impl MailRelay for Relay {
    fn send<'a>(&'a self, from: &'a str, to: &'a [String], message: Bytes) -> Boxed<'a, Result<(), RelayError>> {
        Box::pin(async move {
            let refused = |error: lettre::address::AddressError| RelayError::Refused(error.to_string());
            let recipients = to.iter().map(|address| address.parse().map_err(refused)).collect::<Result<Vec<_>, _>>()?;
            let envelope = Envelope::new(Some(from.parse().map_err(refused)?), recipients).map_err(|error| RelayError::Refused(error.to_string()))?;
            // lettre ends the last line itself.
            let message = message.strip_suffix(b"\r\n").unwrap_or(&message);
            match self.transport.send_raw(&envelope, message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() && !is_about_login(&error) => Err(RelayError::Refused(shown(&error))),
                Err(error) => Err(RelayError::Failed(shown(&error))),
            }
        })
    }
}

/// The other server refused who we are, and not the mail, which waits until that is put right.
/// <https://www.rfc-editor.org/rfc/rfc4954#section-6>
fn is_about_login(error: &Error) -> bool {
    error.status().map(u16::from).is_some_and(|code| matches!(code, 530 | 534 | 535 | 538))
}

/// An error with its causes: which certificate, which connection.
fn shown(error: &Error) -> String {
    let mut text = error.to_string();
    // lettre's own text has the nearest cause already.
    let mut cause = error.source().and_then(std::error::Error::source);
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
