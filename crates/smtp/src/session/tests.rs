use super::*;
use proptest::prelude::*;

fn session(purpose: Purpose, encryption: Encryption) -> Session {
    Session::new(purpose, encryption, "email-smtp.amazonaws.com", "abcdefghijkl", Bounds { message: 100, recipients: 3, mistakes: 5 }).0
}

/// All steps of what is sent; questions are answered with yes.
fn steps(session: &mut Session, text: &[u8]) -> Vec<String> {
    session.push(text);
    let mut shown = vec![];
    while let Some(step) = session.step() {
        shown.push(match step {
            Step::Reply(reply) | Step::StartTls(reply) => reply,
            Step::Close(reply) => format!("{reply} (closed)"),
            Step::Authenticate { user, password } => format!("{user}/{password} {}", session.authenticated(Ok(()))),
            Step::Recipient { to, .. } => format!("{to} {}", session.recipient(Ok(()))),
            Step::Message(message) => {
                session.message_done();
                format!("{} -> {:?}: {:?}", message.from, message.recipients, String::from_utf8_lossy(&message.bytes))
            }
        });
    }
    shown
}

const SIGNED_IN: &[u8] = b"EHLO me\r\nAUTH PLAIN AHUAcA==\r\n";

#[test]
fn nothing_is_sent_before_tls_and_auth() {
    let mut plain = session(Purpose::Submission, Encryption::None);
    let shown = steps(&mut plain, b"MAIL FROM:<a@b.c>\r\nEHLO me\r\nAUTH PLAIN AHUAcA==\r\nSTARTTLS\r\nMAIL FROM:<evil@b.c>\r\n");
    assert_eq!(shown[0], "530 Must issue a STARTTLS command first");
    assert_eq!(shown[1], "250-email-smtp.amazonaws.com\r\n250-8BITMIME\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 Ok");
    assert_eq!(shown[2..], ["530 Must issue a STARTTLS command first", "220 Ready to start TLS"]);
    plain.encrypted();
    // What was sent along with STARTTLS is gone.
    assert_eq!(steps(&mut plain, b"MAIL FROM:<a@b.c>\r\n"), ["530 Authentication required"]);
    let shown = steps(&mut plain, b"EHLO me\r\nAUTH LOGIN\r\ndQ==\r\ncA==\r\nMAIL FROM:<a@b.c> SIZE=5\r\n");
    assert_eq!(shown[1..], ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "u/p 235 Authentication successful.", "250 Ok"]);
}

#[test]
fn a_message_ends_at_a_dot_between_whole_line_ends_only() {
    let mut tls = session(Purpose::Submission, Encryption::Tls);
    steps(&mut tls, SIGNED_IN);
    let text = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\nx\n.\nMAIL FROM:<evil@b.c>\r\n..dots\r\n.\r\nNOOP\r\n";
    let shown = steps(&mut tls, text);
    assert_eq!(shown[2], "354 End data with <CR><LF>.<CR><LF>");
    assert_eq!(shown[3], "a@b.c -> [\"d@e.f\"]: \"x\\n.\\nMAIL FROM:<evil@b.c>\\r\\n.dots\\r\\n\"");
    assert_eq!(shown[4..], ["250 Ok"]);
}

#[test]
fn what_is_too_much_is_refused_and_the_session_goes_on() {
    let mut tls = session(Purpose::Submission, Encryption::Tls);
    steps(&mut tls, SIGNED_IN);
    let long = [b"MAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n".as_slice(), &[b'x'; 500], b"\r\n.\r\nNOOP\r\n"].concat();
    assert_eq!(steps(&mut tls, &long)[3..], ["552 Message is too long.", "250 Ok"]);
    assert_eq!(steps(&mut tls, b"MAIL FROM:<a@b.c> SIZE=500\r\n"), ["552 Message is too long."]);
    let shown = steps(&mut tls, &[b"MAIL FROM:<a@b.c>\r\n".as_slice(), &b"RCPT TO:<d@e.f>\r\n".repeat(4)].concat());
    assert_eq!(shown[4], "452 Too many recipients");
    assert_eq!(steps(&mut tls, &[b'x'; LINE + 1]), ["500 Line too long."]);
    assert_eq!(steps(&mut tls, &[b'x'; LINE + 1]), Vec::<String>::new());
    assert_eq!(steps(&mut tls, b"\r\nNOOP\r\n"), ["250 Ok"]);
    assert_eq!(steps(&mut tls, &b"WHAT\r\n".repeat(9)).last().unwrap(), "421 Too many errors on this connection---closing (closed)");
}

#[test]
fn wrong_addresses_are_refused_as_aws_does() {
    let mut tls = session(Purpose::Submission, Encryption::Tls);
    steps(&mut tls, SIGNED_IN);
    assert_eq!(steps(&mut tls, b"MAIL FROM: SES (<u@e. com>)\r\n"), ["501 Invalid MAIL FROM address provided"]);
    assert_eq!(steps(&mut tls, b"MAIL FROM:<>\r\n"), ["501 Invalid MAIL FROM address provided"]);
    assert_eq!(steps(&mut tls, b"MAIL FROM:<a@b.c>\r\nRCPT TO: User2\r\n")[1], "501 Invalid RCPT TO address provided");
    let mut inbound = session(Purpose::Inbound, Encryption::None);
    assert_eq!(steps(&mut inbound, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<d@e.f>\r\n")[1..], ["250 Ok", "d@e.f 250 Ok"]);
}

proptest! {
    #[test]
    fn the_same_bytes_give_the_same_steps_however_they_arrive(text in "(EHLO x\r\n|MAIL FROM:<a@b.c>\r\n|RCPT TO:<d@e.f>\r\n|DATA\r\n|[.x\r\n]{1,6}|\r\n\\.\r\n){0,20}", size in 1usize..9) {
        let mut at_once = session(Purpose::Inbound, Encryption::None);
        let expected = steps(&mut at_once, text.as_bytes());
        let mut by_pieces = session(Purpose::Inbound, Encryption::None);
        let mut shown = vec![];
        for piece in text.as_bytes().chunks(size) {
            shown.extend(steps(&mut by_pieces, piece));
        }
        prop_assert_eq!(shown, expected);
    }
}
