//! An SMTP session: whatever arrives, in pieces of any size, is answered, and the session holds no more than its bounds. The first byte
//! selects the purpose and the size of the pieces.
#![no_main]

use cloudlet_smtp::session::{Bounds, Encryption, Purpose, Session, Step};
use libfuzzer_sys::fuzz_target;

fn steps(purpose: Purpose, bytes: &[u8], size: usize) -> Vec<Step> {
    let bounds = Bounds { message: 1 << 12, recipients: 8, mistakes: 20 };
    let (mut session, _) = Session::new(purpose, Encryption::Tls, "host", "abcdefghijkl", bounds);
    let mut taken = vec![];
    for piece in bytes.chunks(size) {
        session.push(piece);
        while let Some(step) = session.step() {
            match &step {
                Step::Authenticate { .. } => drop(session.authenticated(Ok(()))),
                Step::Recipient { .. } => drop(session.recipient(Ok(()))),
                Step::Message(message) => {
                    assert!(message.bytes.len() <= 1 << 12 && message.recipients.len() <= 8);
                    session.message_done();
                }
                Step::Close(_) => {
                    taken.push(step);
                    return taken;
                }
                Step::Reply(_) | Step::StartTls(_) => {}
            }
            taken.push(step);
        }
        assert!(session.held() < 1 << 16, "{}", session.held());
    }
    taken
}

fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let purpose = if how & 1 == 0 { Purpose::Inbound } else { Purpose::Submission };
    let whole = steps(purpose, bytes, 1 << 12);
    if bytes.len() <= 1 << 12 {
        assert_eq!(steps(purpose, bytes, usize::from(how >> 1) + 1), whole);
    }
});
