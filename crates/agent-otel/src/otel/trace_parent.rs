//! The trace context as text, as the header `traceparent` of W3C has it.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The error for a text that is not a W3C `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTraceParent {
    text: String,
    why: &'static str,
}

impl std::fmt::Display for InvalidTraceParent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, why } = self;
        write!(f, "{text:?} is not a W3C traceparent: {why}. It looks like this: 00-TRACE-SPAN-01")
    }
}

impl std::error::Error for InvalidTraceParent {}

/// Writes `00-TRACE-SPAN-FLAGS`; `None` for a context that names no span.
pub(super) fn write(context: &SpanContext) -> Option<String> {
    let (trace, span) = (context.trace_id(), context.span_id());
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    context.is_valid().then(|| format!("00-{trace}-{span}-{flags:02x}"))
}

/// Reads what [`write`] wrote, or what any other program wrote as `traceparent`. Later versions may
/// have more fields.
pub(super) fn read(text: &str) -> Result<SpanContext, InvalidTraceParent> {
    let wrong = |why| InvalidTraceParent { text: text.to_owned(), why };
    let fields: Vec<&str> = text.trim().split('-').collect();
    let [version, trace, span, flags, more @ ..] = fields.as_slice() else {
        return Err(wrong("it has fewer than four fields"));
    };
    let is_hex = |field: &str, digits: usize| {
        field.len() == digits && field.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(version, 2) || *version == "ff" || (*version == "00" && !more.is_empty()) {
        return Err(wrong("its version is unknown"));
    }
    if !is_hex(trace, 32) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return Err(wrong("a field is not lower-case hexadecimal of the right length"));
    }
    const CHECKED: &str = "its digits were checked";
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).expect(CHECKED)) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).expect(CHECKED), SpanId::from_hex(span).expect(CHECKED));
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    if context.is_valid() { Ok(context) } else { Err(wrong("the id of its trace or span is zero")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    fn check(text: &str, expected: Result<&str, &str>) {
        let read = read(text).map(|context| write(&context).unwrap_or_default());
        assert_eq!(read.as_deref().map_err(|error| error.why), expected, "{text}");
    }

    #[test]
    fn a_trace_parent_is_read_as_w3c_says() {
        let sampled = format!("00-{TRACE}-{SPAN}-01");
        check(&sampled, Ok(&sampled));
        check(&format!("00-{TRACE}-{SPAN}-00"), Ok(&format!("00-{TRACE}-{SPAN}-00")));
        check(&format!(" 00-{TRACE}-{SPAN}-03 "), Ok(&sampled));
        check(&format!("42-{TRACE}-{SPAN}-01-more"), Ok(&sampled));
        check("", Err("it has fewer than four fields"));
        check(&format!("00-{TRACE}-{SPAN}-01-more"), Err("its version is unknown"));
        check(&format!("ff-{TRACE}-{SPAN}-01"), Err("its version is unknown"));
        let digits = "a field is not lower-case hexadecimal of the right length";
        check(&format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), Err(digits));
        check(&format!("00-{TRACE}-{SPAN}é-01"), Err(digits));
        check(&format!("00-{TRACE}-+{}-01", &SPAN[1..]), Err(digits));
        check(&format!("00-{TRACE}-{SPAN}-1"), Err(digits));
        let zero = "the id of its trace or span is zero";
        check(&format!("00-{}-{SPAN}-01", "0".repeat(32)), Err(zero));
        check(&format!("00-{TRACE}-{}-01", "0".repeat(16)), Err(zero));
    }

    #[test]
    fn the_error_says_what_is_wrong() {
        let error = read("nonsense").unwrap_err().to_string();
        assert_eq!(
            error,
            "\"nonsense\" is not a W3C traceparent: it has fewer than four fields. It looks like this: 00-TRACE-SPAN-01"
        );
    }
}
