//! Managed transforms: changes of header fields that are switched on by name.

use rempart_base::config::{Context, Problem, Spanned};
use rempart_rules::FieldId;

use crate::words::Ignored;

rempart_base::config! {
    /// Changes of header fields that are switched on by name.
    pub struct ManagedTransformsConfig {
        /// Of requests.
        managed_request_headers: Vec<Spanned<RequestTransformConfig>> = Vec::new();
        /// Of responses.
        managed_response_headers: Vec<Spanned<ResponseTransformConfig>> = Vec::new();
    }
}

rempart_base::config! {
    /// A change of requests.
    pub struct RequestTransformConfig {
        required {
            /// `add_true_client_ip_headers`: `True-Client-IP` with the visitor's address. `remove_visitor_ip_headers`:
            /// what tells the visitor's address goes. `add_visitor_location_headers`: what is known of where the
            /// visitor is.
            id: Spanned<RequestTransform>;
            /// Whether it is made.
            enabled: bool;
        }
        /// Ignored.
        has_conflict: Ignored = Ignored;
        /// Ignored.
        conflicts_with: Ignored = Ignored;
    }
}

rempart_base::config! {
    /// A change of responses.
    pub struct ResponseTransformConfig {
        required {
            /// `remove_x-powered-by_header`: `X-Powered-By` goes. `add_security_headers`: fields that make browsers
            /// more careful.
            id: Spanned<ResponseTransform>;
            /// Whether it is made.
            enabled: bool;
        }
        /// Ignored.
        has_conflict: Ignored = Ignored;
        /// Ignored.
        conflicts_with: Ignored = Ignored;
    }
}

/// A change of requests, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the transform of that name")]
pub enum RequestTransform {
    AddBotProtectionHeaders,
    AddClientCertificateHeaders,
    AddTrueClientIpHeaders,
    AddVisitorLocationHeaders,
    AddWafCredentialCheckStatusHeader,
    RemoveVisitorIpHeaders,
}

rempart_base::config_words!(RequestTransform {
    RequestTransform::AddBotProtectionHeaders = "add_bot_protection_headers",
    RequestTransform::AddClientCertificateHeaders = "add_client_certificate_headers",
    RequestTransform::AddTrueClientIpHeaders = "add_true_client_ip_headers",
    RequestTransform::AddVisitorLocationHeaders = "add_visitor_location_headers",
    RequestTransform::AddWafCredentialCheckStatusHeader = "add_waf_credential_check_status_header",
    RequestTransform::RemoveVisitorIpHeaders = "remove_visitor_ip_headers",
});

/// A change of responses, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the transform of that name")]
pub enum ResponseTransform {
    RemoveXPoweredByHeader,
    AddSecurityHeaders,
}

rempart_base::config_words!(ResponseTransform {
    ResponseTransform::RemoveXPoweredByHeader = "remove_x-powered-by_header",
    ResponseTransform::AddSecurityHeaders = "add_security_headers",
});

/// Which changes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ManagedTransforms {
    /// `True-Client-IP` with the visitor's address.
    pub add_true_client_ip: bool,
    /// [`LOCATION_HEADERS`].
    pub add_visitor_location: bool,
    /// `CF-Connecting-IP` and `True-Client-IP` go; of `X-Forwarded-For` see [`without_visitor`].
    pub remove_visitor_ip: bool,
    /// `X-Powered-By` goes.
    pub remove_x_powered_by: bool,
    /// [`SECURITY_HEADERS`].
    pub add_security: bool,
}

/// Fields of the request that tell where the visitor is, each from the field of the language.
pub const LOCATION_HEADERS: [(&str, FieldId); 10] = [
    ("cf-ipcity", FieldId::IpSrcCity),
    ("cf-ipcountry", FieldId::IpSrcCountry),
    ("cf-ipcontinent", FieldId::IpSrcContinent),
    ("cf-iplongitude", FieldId::IpSrcLon),
    ("cf-iplatitude", FieldId::IpSrcLat),
    ("cf-region", FieldId::IpSrcRegion),
    ("cf-region-code", FieldId::IpSrcRegionCode),
    ("cf-metro-code", FieldId::IpSrcMetroCode),
    ("cf-postal-code", FieldId::IpSrcPostalCode),
    ("cf-timezone", FieldId::IpSrcTimezoneName),
];

/// Fields of the response that make browsers more careful.
pub const SECURITY_HEADERS: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-xss-protection", "1; mode=block"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "same-origin"),
];

impl ManagedTransforms {
    /// Makes the plan. What is wrong is reported.
    pub fn compile(config: &ManagedTransformsConfig, cx: &mut Context) -> Self {
        let mut plan = Self::default();
        cx.in_key("managed_request_headers", |cx| {
            for own in config.managed_request_headers.iter().filter(|own| own.value.enabled) {
                let id = &own.value.id;
                cx.in_item(own.item, |cx| plan.request(id, cx));
            }
        });
        for own in config.managed_response_headers.iter().filter(|own| own.value.enabled) {
            match own.value.id.value {
                ResponseTransform::RemoveXPoweredByHeader => plan.remove_x_powered_by = true,
                ResponseTransform::AddSecurityHeaders => plan.add_security = true,
            }
        }
        plan
    }

    fn request(&mut self, id: &Spanned<RequestTransform>, cx: &mut Context) {
        let problem = match id.value {
            RequestTransform::AddTrueClientIpHeaders if self.remove_visitor_ip => conflict(),
            RequestTransform::RemoveVisitorIpHeaders if self.add_true_client_ip => conflict(),
            RequestTransform::AddTrueClientIpHeaders => {
                self.add_true_client_ip = true;
                return;
            }
            RequestTransform::RemoveVisitorIpHeaders => {
                self.remove_visitor_ip = true;
                return;
            }
            RequestTransform::AddVisitorLocationHeaders => {
                self.add_visitor_location = true;
                return;
            }
            RequestTransform::AddBotProtectionHeaders
            | RequestTransform::AddClientCertificateHeaders
            | RequestTransform::AddWafCredentialCheckStatusHeader => {
                Problem::new("rule-not-built", "this transform is not built yet", "Write `enabled: false`.")
            }
        };
        cx.in_key("id", |cx| cx.error(id.mark, problem));
    }
}

fn conflict() -> Problem {
    let message = "`add_true_client_ip_headers` and `remove_visitor_ip_headers` contradict each other";
    Problem::new("rule-parameters", message, "Switch one of them off.")
}

/// What is left of `X-Forwarded-For` without the visitor: the last proxy, if there was more than one address.
#[must_use]
pub fn without_visitor(forwarded_for: &[u8]) -> Option<&[u8]> {
    let comma = forwarded_for.iter().rposition(|byte| *byte == b',')?;
    forwarded_for.get(comma + 1..).map(<[u8]>::trim_ascii).filter(|last| !last.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_those_that_forwarded_a_request_the_last_is_left() {
        for (value, left) in [
            ("192.0.2.1", None),
            ("192.0.2.1, 198.51.100.7", Some("198.51.100.7")),
            ("192.0.2.1,198.51.100.7, 203.0.113.9 ", Some("203.0.113.9")),
            ("192.0.2.1,", None),
            ("", None),
        ] {
            assert_eq!(without_visitor(value.as_bytes()), left.map(str::as_bytes), "{value}");
        }
    }
}
