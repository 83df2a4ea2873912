//! Websites: requests that are answered by reads of the service, one after the other, until a page is found or an error page is made.

/// A request to a website, as the gateway answers it. What is read is read by an anonymous caller, and authorized like any other call.
pub trait Website: Send {
    fn begin(&mut self) -> PageStep;

    /// The next step once something was read, by the header fields of the answer. `None`: the answer is sent.
    fn read(&mut self, field: &dyn Fn(&str) -> Option<String>) -> Option<PageStep>;

    /// The next step once something could not be read.
    fn failed(&mut self, fault: &cloudlet_aws::Fault) -> PageStep;
}

#[derive(Debug, PartialEq)]
pub enum PageStep {
    Read(PageRead),
    Answer(PageAnswer),
}

/// A read by an operation.
#[derive(Debug, PartialEq)]
pub struct PageRead {
    pub method: PageMethod,
    /// The path that routes to the operation, escaped.
    pub path: String,
    pub fields: PageFields,
    /// The status of the answer, where it is not that of the operation.
    pub status: Option<u16>,
    /// Further header fields of the answer.
    pub headers: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageMethod {
    /// That of the request.
    Sent,
    Head,
}

/// The header fields of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFields {
    /// Those of the request: conditions and ranges.
    Sent,
    None,
}

/// An answer that is no operation's.
#[derive(Debug, PartialEq)]
pub struct PageAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// HTML.
    pub body: String,
}

/// What pages say of their request beside its head.
#[derive(Clone, Copy, Debug)]
pub struct PageContext<'a> {
    pub request_id: &'a str,
    pub host_id: &'a str,
    /// `http` or `https`.
    pub scheme: &'static str,
}
