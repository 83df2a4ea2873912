//! Zone files, and the records that decide about a mail. A zone that is read is written and read again as the same; a message is verified against it.
#![no_main]

use cloudlet_mail::{Data, Record, Resolver, dkim, dmarc, spf, zone};
use libfuzzer_sys::fuzz_target;

struct Zone(Vec<Record>);

impl Resolver for Zone {
    fn records(&self, name: &str) -> Vec<Data> {
        self.0.iter().filter(|record| record.name == name).map(|record| record.data.clone()).collect()
    }
}

fuzz_target!(|text: &str| {
    let (text, message) = text.split_once("\n\n").unwrap_or((text, ""));
    let Ok(records) = zone::parse(text) else { return };
    let written: String = records.iter().map(|record| format!("{record}\n")).collect();
    assert_eq!(zone::parse(&written).as_ref(), Ok(&records));
    let zone = Zone(records);
    for record in &zone.0 {
        let address = format!("a@{}", record.name);
        let sender = spf::Sender { ip: [192, 0, 2, 1].into(), address: &address, helo: "h" };
        let outcome = spf::check(&sender, &zone);
        let signatures = dkim::verify(message.replace('\n', "\r\n").as_bytes(), &zone, 0);
        dmarc::check(&record.name, (outcome, &record.name), &signatures, &zone);
    }
});
