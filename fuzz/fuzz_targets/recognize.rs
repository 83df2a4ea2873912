//! Host names, routes, targets and actions: the service and operation of a request.
#![no_main]

use cloudlet_fuzz::{Request, SERVICES, names};
use cloudlet_wire::Recognizer;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static RECOGNIZER: LazyLock<Recognizer> = LazyLock::new(|| Recognizer::new(&SERVICES, &names()));

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = Request::read(bytes) else { return };
    let head = request.head();
    let found = RECOGNIZER.service(&head).or_else(|| RECOGNIZER.service_of_form(&head, request.body));
    if let Some(recognized) = found
        && let Err(unknown) = RECOGNIZER.operation(&recognized, &head, request.path, Some(request.body))
    {
        let fault = unknown.fault(&recognized);
        assert!((400..600).contains(&fault.status()) || fault.status() == 302, "{fault}");
    }
});
