//! What SES parses itself: raw messages, addresses, templates, files of addresses, mail that comes in, and keys of DKIM. The first byte selects one. Any
//! input is accepted or refused, and never a 5xx; a key that is read signs.
#![no_main]

use cloudlet_api_ses as ses;
use cloudlet_aws::Fault;
use cloudlet_cloud::Mode;
use cloudlet_mail::dkim::{Signer, SigningKey};
use cloudlet_ses::{AutoVerify, Options, ReceiveMail, ReceiveMailRequest, Sandbox};
use cloudlet_shape::Operation;
use libfuzzer_sys::fuzz_target;
use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
};

/// After this many inputs the cloud is built anew: mails accumulate.
const AGE: u32 = 500;

struct TestCloud {
    cloud: cloudlet_testing::TestCloud,
    runtime: tokio::runtime::Runtime,
    age: u32,
}

impl TestCloud {
    fn new() -> TestCloud {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let second = Arc::new(Mutex::new(None));
        let made = second.clone();
        let options = Options { sandbox: Sandbox::Off, auto_verify: AutoVerify::All, ..Options::default() };
        let first = move |parts: &cloudlet_testing::Parts| {
            let dns = Arc::new(cloudlet_dns::Dns::new(&parts.journal, vec![]));
            let [v1, v2] = cloudlet_ses::services(&parts.journal, parts.mailbox.clone(), parts.blobs.clone(), dns, None, options);
            *made.lock().unwrap() = Some(v2);
            v1
        };
        let cloud = cloudlet_testing::TestCloud::builder()
            .service(first)
            .service(move |_| second.lock().unwrap().take().unwrap())
            .mode(Mode::Off)
            .calls(0)
            .build();
        let cloud = TestCloud { cloud, runtime, age: 0 };
        cloud.call::<ses::VerifyDomainIdentity>(ses::VerifyDomainIdentityRequest { domain: "example.com".into() }).unwrap();
        cloud.call::<ses::CreateReceiptRuleSet>(ses::CreateReceiptRuleSetRequest { rule_set_name: "set".into() }).unwrap();
        cloud.call::<ses::SetActiveReceiptRuleSet>(ses::SetActiveReceiptRuleSetRequest { rule_set_name: Some("set".into()) }).unwrap();
        let rule = ses::ReceiptRule { name: "rule".into(), enabled: Some(true), ..Default::default() };
        cloud.call::<ses::CreateReceiptRule>(ses::CreateReceiptRuleRequest { rule_set_name: "set".into(), after: None, rule }).unwrap();
        cloud
    }

    fn call<O: Operation>(&self, input: O::Input) -> Result<O::Output, Fault> {
        let answer = self.runtime.block_on(self.cloud.call::<O>(input));
        if let Err(fault) = &answer {
            assert!(fault.status() < 500, "{}: {fault:?}", O::SCHEMA.name);
        }
        answer
    }

    fn run(&self, which: u8, text: &[u8]) {
        let words = String::from_utf8_lossy(text).into_owned();
        match which % 6 {
            0 => {
                let raw = ses::RawMessage { data: text.to_vec().into() };
                drop(self.call::<ses::SendRawEmail>(ses::SendRawEmailRequest { raw_message: raw, ..Default::default() }));
            }
            1 => {
                let mut input = ses::SendEmailRequest { source: words.clone(), ..Default::default() };
                input.destination.to_addresses = Some(vec![words]);
                drop(self.call::<ses::SendEmail>(input));
            }
            2 => {
                let (template, data) = words.split_once('|').unwrap_or((&words, "{}"));
                let template = ses::Template { template_name: "t".into(), subject_part: Some(template.into()), ..Default::default() };
                if self.call::<ses::CreateTemplate>(ses::CreateTemplateRequest { template }).is_ok() {
                    drop(self.call::<ses::TestRenderTemplate>(ses::TestRenderTemplateRequest { template_name: "t".into(), template_data: data.into() }));
                    self.call::<ses::DeleteTemplate>(ses::DeleteTemplateRequest { template_name: "t".into() }).unwrap();
                }
            }
            3 => {
                let (is_json, are_contacts) = (words.starts_with('{'), words.starts_with("emailAddress"));
                cloudlet_ses::importable_lines(&words, is_json, are_contacts);
            }
            4 => {
                if let Ok(key) = SigningKey::read(text) {
                    assert!(Signer { domain: "example.com", selector: "s", key: &key }.sign(b"From: a@b\r\n\r\n", 0).is_ok());
                }
            }
            _ => {
                let input = ReceiveMailRequest {
                    ip: "192.0.2.1".into(),
                    helo: "h".into(),
                    from: "a@other.com".into(),
                    recipients: vec!["b@example.com".into()],
                    encrypted: None,
                    data: text.to_vec().into(),
                };
                drop(self.call::<ReceiveMail>(input));
                self.runtime.block_on(self.cloud.settle());
            }
        }
        self.cloud.advance(1);
    }
}

thread_local! {
    static CLOUD: RefCell<TestCloud> = RefCell::new(TestCloud::new());
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, text)) = bytes.split_first() else { return };
    CLOUD.with_borrow_mut(|cloud| {
        cloud.run(*which, text);
        cloud.age += 1;
        if cloud.age > AGE {
            *cloud = TestCloud::new();
        }
    });
});
