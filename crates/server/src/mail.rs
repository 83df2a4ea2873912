//! The ports of mail: bound before the server says that it listens, and shown in its health. And the password for them.

use crate::configuration::{MailPorts, Ports};
use cloudlet_admin::MailListeners;
use cloudlet_smtp::{Listener, Security, session::Purpose};
use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    process::ExitCode,
};

/// Binds the ports that were asked for, and the usual ones that are free.
pub async fn bind(ports: &MailPorts, host: IpAddr) -> Result<(Vec<Listener>, MailListeners), String> {
    let mut listeners = vec![];
    let mut shown = MailListeners::default();
    for (of, purpose, security, what, bound) in [
        (&ports.smtp, Purpose::Submission, Security::StartTls, "SMTP with STARTTLS", &mut shown.starttls),
        (&ports.smtps, Purpose::Submission, Security::Tls, "SMTP over TLS", &mut shown.tls),
        (&ports.mx, Purpose::Inbound, Security::StartTls, "mail that comes in", &mut shown.mx),
    ] {
        let (wanted, is_usual) = match of {
            Ports::Asked(wanted) => (wanted.as_slice(), false),
            Ports::Usual(port) => (std::slice::from_ref(port), true),
        };
        for port in wanted {
            let address = SocketAddr::new(host, *port);
            match Listener::bind(address, purpose, security).await {
                Ok(listener) => {
                    let address = listener.address().map_err(|error| format!("cannot listen on {address}: {error}"))?;
                    tracing::info!(target: "cloudlet", "{what}: {address}");
                    bound.push(address.port());
                    listeners.push(listener);
                }
                Err(error) if is_usual => tracing::warn!(target: "cloudlet", "port {port} is not free for {what}: {error}"),
                Err(error) => return Err(format!("cannot listen on {address} for {what}: {error}")),
            }
        }
    }
    Ok((listeners, shown))
}

/// Prints the password of a secret.
pub fn print_password(region: &str, secret: Option<String>) -> ExitCode {
    let secret = secret.map_or_else(|| std::io::read_to_string(std::io::stdin().lock()).map(|text| text.trim().to_owned()), Ok);
    let written = secret.and_then(|secret| writeln!(std::io::stdout(), "{}", cloudlet_sigv4::smtp::password(&secret, region)));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
