//! The way out: another server that takes mail of ours, for who wants it to leave.

use bytes::Bytes;
use cloudlet_engine::{Boxed, MailRelay, RelayError};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor, address::Envelope};
use std::time::Duration;

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
            match self.transport.send_raw(&envelope, &message).await {
                Ok(_) => Ok(()),
                Err(error) if error.is_permanent() => Err(RelayError::Refused(error.to_string())),
                Err(error) => Err(RelayError::Failed(error.to_string())),
            }
        })
    }
}
