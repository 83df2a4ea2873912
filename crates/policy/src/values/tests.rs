use super::*;
use cloudlet_aws::Timestamp;
use proptest::prelude::*;

#[test]
fn instants_are_read_in_every_form_that_the_w3c_names() {
    for (text, millis) in [
        ("1970-01-01T00:00:00Z", 0),
        ("0", 0),
        ("1795512600", 1_795_512_600_000),
        ("2026-11-24T09:30:00Z", 1_795_512_600_000),
        ("2026-11-24T09:30Z", 1_795_512_600_000),
        ("2026-11-24t09:30:00.5z", 1_795_512_600_500),
        ("2026-11-24T10:30:00+01:00", 1_795_512_600_000),
        ("2026-11-24T02:30:00-07:00", 1_795_512_600_000),
        ("2026-11-24T10:30:00+01", 1_795_512_600_000),
        ("2026-11-24", 1_795_478_400_000),
        ("2026-11", 1_793_491_200_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ] {
        assert_eq!(instant(text), Some(millis), "{text}");
    }
}

#[test]
fn what_iam_refuses_as_a_date_is_none() {
    // AWS: all of these are answered with "The policy failed legacy parsing".
    for text in ["", "sdfdsf", "234-13", "2016-12-13t2:00:00.593194+1", "2016-12-13t2:00:00.1999999999+10:59", "9223372036854775808", "T10:00"] {
        assert_eq!(instant(text), None, "{text}");
    }
    for text in ["01T", "2016-12-13t2:00:00.593194+23", "-292275054"] {
        assert!(instant(text).is_some(), "{text}");
    }
}

#[test]
fn networks_hold_their_addresses_and_no_others() {
    for (network, address, inside) in [
        ("203.0.113.0/24", "203.0.113.7", true),
        ("203.0.113.9/24", "203.0.113.7", true),
        ("203.0.113.0/24", "203.0.114.7", false),
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:1::1", true),
        ("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9", true),
        ("::/0", "1.2.3.4", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
    ] {
        assert_eq!(Network::parse(network).unwrap().contains(address), inside, "{address} in {network}");
    }
    for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1"] {
        assert_eq!(Network::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn the_calendar_agrees_with_timestamps(millis in -60_000_000_000_000i64..250_000_000_000_000) {
        let text = Timestamp(millis).text(cloudlet_aws::TimestampFormat::DateTime);
        prop_assert_eq!(instant(&text), Some(millis), "{}", text);
    }
}
