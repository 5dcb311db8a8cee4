//! The fields of the language, sorted by name.

use super::places::*;
use super::{Empty, Row, Source};
use crate::types::Type;

const BOOL: Type = Type::Bool;
const INT: Type = Type::Int;
const BYTES: Type = Type::Bytes;
const IP: Type = Type::Ip;
const INT_ARRAY: Type = Type::Array(&INT);
const BYTES_ARRAY: Type = Type::Array(&BYTES);
const BYTES_ARRAYS: Type = Type::Array(&BYTES_ARRAY);
const INT_MAP: Type = Type::Map(&INT);
const INTS_MAP: Type = Type::Map(&INT_ARRAY);
const BYTES_MAP: Type = Type::Map(&BYTES_ARRAY);

fields! {
    CfApiGatewayAuthIdPresent = "cf.api_gateway.auth_id_present", BOOL, NotBuilt, EVERYWHERE, False;
    CfApiGatewayFallthroughDetected =
        "cf.api_gateway.fallthrough_detected", BOOL, NotBuilt, EVERYWHERE, False;
    CfApiGatewayRequestViolatesSchema =
        "cf.api_gateway.request_violates_schema", BOOL, NotBuilt, EVERYWHERE, False;
    CfAppsecRequestFailedDetections =
        "cf.appsec.request.failed_detections", BYTES_ARRAY, NotBuilt, APPSEC, Items;
    CfBotDetectionJsCheckScore = "cf.bot_detection.js_check_score", INT, NotBuilt, HEADERS, Missing;
    CfBotManagementCorporateProxy = "cf.bot_management.corporate_proxy", BOOL, NotBuilt, EVERYWHERE, False;
    CfBotManagementDetectionIds = "cf.bot_management.detection_ids", INT_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfBotManagementJa3Hash = "cf.bot_management.ja3_hash", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfBotManagementJa4 = "cf.bot_management.ja4", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfBotManagementJsDetectionPassed =
        "cf.bot_management.js_detection.passed", BOOL, NotBuilt, EVERYWHERE, False;
    CfBotManagementScore = "cf.bot_management.score", INT, NotBuilt, EVERYWHERE, Missing;
    CfBotManagementSignedAgent = "cf.bot_management.signed_agent", BOOL, NotBuilt, EVERYWHERE, False;
    CfBotManagementStaticResource = "cf.bot_management.static_resource", BOOL, NotBuilt, EVERYWHERE, False;
    CfBotManagementTags = "cf.bot_management.tags", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfBotManagementVerifiedBot = "cf.bot_management.verified_bot", BOOL, NotBuilt, EVERYWHERE, False;
    CfClientBot = "cf.client.bot", BOOL, NotBuilt, EVERYWHERE, False;
    CfEdgeClientPort = "cf.edge.client_port", INT, Connection, HEADERS, Int(0);
    CfEdgeClientTcp = "cf.edge.client_tcp", BOOL, Connection, EVERYWHERE, False;
    CfEdgeL4DeliveryRate = "cf.edge.l4.delivery_rate", INT, Connection, EVERYWHERE, Int(0);
    CfEdgeServerIp = "cf.edge.server_ip", IP, Connection, EVERYWHERE, Missing;
    CfEdgeServerPort = "cf.edge.server_port", INT, Connection, EVERYWHERE, Int(0);
    CfFraudEmailRisk = "cf.fraud.email_risk", BYTES, NotBuilt, FRAUD, Text("");
    CfFraudDetectionDisposableEmail = "cf.fraud_detection.disposable_email", BOOL, NotBuilt, FRAUD, False;
    CfHostnameMetadata = "cf.hostname.metadata", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfIntelIpAttackerCountries = "cf.intel.ip.attacker_countries", BYTES_ARRAY, NotBuilt, CUSTOM, Items;
    CfIntelIpAttackerNames = "cf.intel.ip.attacker_names", BYTES_ARRAY, NotBuilt, CUSTOM, Items;
    CfIntelIpDatasets = "cf.intel.ip.datasets", BYTES_ARRAY, NotBuilt, CUSTOM, Items;
    CfIntelIpTargetCountries = "cf.intel.ip.target_countries", BYTES_ARRAY, NotBuilt, CUSTOM, Items;
    CfIntelIpTargetIndustries = "cf.intel.ip.target_industries", BYTES_ARRAY, NotBuilt, CUSTOM, Items;
    CfLlmPromptCustomTopicCategories =
        "cf.llm.prompt.custom_topic_categories", INT_MAP, NotBuilt, EVERYWHERE, Items;
    CfLlmPromptDetected = "cf.llm.prompt.detected", BOOL, NotBuilt, EVERYWHERE, False;
    CfLlmPromptInjectionScore = "cf.llm.prompt.injection_score", INT, NotBuilt, EVERYWHERE, Int(100);
    CfLlmPromptPiiCategories = "cf.llm.prompt.pii_categories", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfLlmPromptPiiDetected = "cf.llm.prompt.pii_detected", BOOL, NotBuilt, EVERYWHERE, False;
    CfLlmPromptTokenCount = "cf.llm.prompt.token_count", INT, NotBuilt, EVERYWHERE, Int(0);
    CfLlmPromptUnsafeTopicCategories =
        "cf.llm.prompt.unsafe_topic_categories", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfLlmPromptUnsafeTopicDetected = "cf.llm.prompt.unsafe_topic_detected", BOOL, NotBuilt, EVERYWHERE, False;
    CfMetalId = "cf.metal.id", BYTES, NotBuilt, HEADERS, Text("");
    CfRandomSeed = "cf.random_seed", BYTES, Exchange, EVERYWHERE, Text("");
    CfRayId = "cf.ray_id", BYTES, Exchange, EVERYWHERE, Text("");
    CfResponse1xxxCode = "cf.response.1xxx_code", INT, Response, ERRORS, Int(0);
    CfResponseErrorType = "cf.response.error_type", BYTES, Response, ERRORS, Text("");
    CfSchemaValidationLearnedBodyViolatedParameters =
        "cf.schema_validation.learned.body.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedCookiesViolatedParameters =
        "cf.schema_validation.learned.cookies.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedHeadersViolatedParameters =
        "cf.schema_validation.learned.headers.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedPathViolatedParameters =
        "cf.schema_validation.learned.path.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedQueryUndeclaredParameters =
        "cf.schema_validation.learned.query.undeclared_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedQueryViolatedParameters =
        "cf.schema_validation.learned.query.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationLearnedViolated =
        "cf.schema_validation.learned.violated", BOOL, NotBuilt, EVERYWHERE, False;
    CfSchemaValidationUploadedBodyViolatedParameters =
        "cf.schema_validation.uploaded.body.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedCookiesViolatedParameters =
        "cf.schema_validation.uploaded.cookies.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedHeadersViolatedParameters =
        "cf.schema_validation.uploaded.headers.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedPathViolatedParameters =
        "cf.schema_validation.uploaded.path.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedQueryUndeclaredParameters =
        "cf.schema_validation.uploaded.query.undeclared_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedQueryViolatedParameters =
        "cf.schema_validation.uploaded.query.violated_parameters", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfSchemaValidationUploadedViolated =
        "cf.schema_validation.uploaded.violated", BOOL, NotBuilt, EVERYWHERE, False;
    CfSequenceCurrentOp = "cf.sequence.current_op", BYTES, NotBuilt, SEQUENCE, Text("");
    CfSequenceMsecSinceOp = "cf.sequence.msec_since_op", INT_MAP, NotBuilt, SEQUENCE, Items;
    CfSequencePreviousOps = "cf.sequence.previous_ops", BYTES_ARRAY, NotBuilt, SEQUENCE, Items;
    CfThreatScore = "cf.threat_score", INT, NotBuilt, EVERYWHERE, Int(0);
    CfTimingsClientQuicRttMsec = "cf.timings.client_quic_rtt_msec", INT, Connection, EVERYWHERE, Int(0);
    CfTimingsClientTcpRttMsec = "cf.timings.client_tcp_rtt_msec", INT, Connection, EVERYWHERE, Int(0);
    CfTimingsEdgeMsec = "cf.timings.edge_msec", INT, Response, RESPONSES, Int(0);
    CfTimingsOriginTtfbMsec = "cf.timings.origin_ttfb_msec", INT, Response, RESPONSES, Int(0);
    CfTimingsWorkerMsec = "cf.timings.worker_msec", INT, NotBuilt, RESPONSES, Int(0);
    CfTlsCipher = "cf.tls_cipher", BYTES, Tls, EVERYWHERE, Text("");
    CfTlsCiphersSha1 = "cf.tls_ciphers_sha1", BYTES, Tls, EVERYWHERE, Text("");
    CfTlsClientAuthCertChainRfc9440 =
        "cf.tls_client_auth.cert_chain_rfc9440", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertChainRfc9440TooLarge =
        "cf.tls_client_auth.cert_chain_rfc9440_too_large", BOOL, NotBuilt, EVERYWHERE, False;
    CfTlsClientAuthCertFingerprintSha1 =
        "cf.tls_client_auth.cert_fingerprint_sha1", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertFingerprintSha256 =
        "cf.tls_client_auth.cert_fingerprint_sha256", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertIssuerDn = "cf.tls_client_auth.cert_issuer_dn", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertIssuerDnLegacy =
        "cf.tls_client_auth.cert_issuer_dn_legacy", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertIssuerDnRfc2253 =
        "cf.tls_client_auth.cert_issuer_dn_rfc2253", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertIssuerSerial =
        "cf.tls_client_auth.cert_issuer_serial", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertIssuerSki =
        "cf.tls_client_auth.cert_issuer_ski", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertNotAfter = "cf.tls_client_auth.cert_not_after", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertNotBefore =
        "cf.tls_client_auth.cert_not_before", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertPresented = "cf.tls_client_auth.cert_presented", BOOL, NotBuilt, EVERYWHERE, False;
    CfTlsClientAuthCertRevoked = "cf.tls_client_auth.cert_revoked", BOOL, NotBuilt, EVERYWHERE, False;
    CfTlsClientAuthCertRfc9440 = "cf.tls_client_auth.cert_rfc9440", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertRfc9440TooLarge =
        "cf.tls_client_auth.cert_rfc9440_too_large", BOOL, NotBuilt, EVERYWHERE, False;
    CfTlsClientAuthCertSerial = "cf.tls_client_auth.cert_serial", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertSki = "cf.tls_client_auth.cert_ski", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertSubjectDn =
        "cf.tls_client_auth.cert_subject_dn", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertSubjectDnLegacy =
        "cf.tls_client_auth.cert_subject_dn_legacy", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertSubjectDnRfc2253 =
        "cf.tls_client_auth.cert_subject_dn_rfc2253", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfTlsClientAuthCertVerified = "cf.tls_client_auth.cert_verified", BOOL, NotBuilt, EVERYWHERE, False;
    CfTlsClientExtensionsSha1 = "cf.tls_client_extensions_sha1", BYTES, Tls, EVERYWHERE, Text("");
    CfTlsClientExtensionsSha1Le = "cf.tls_client_extensions_sha1_le", BYTES, Tls, EVERYWHERE, Text("");
    CfTlsClientHelloLength = "cf.tls_client_hello_length", INT, Tls, EVERYWHERE, Int(0);
    CfTlsClientRandom = "cf.tls_client_random", BYTES, Tls, EVERYWHERE, Text("");
    CfTlsVersion = "cf.tls_version", BYTES, Tls, EVERYWHERE, Text("");
    CfVerifiedBotCategory = "cf.verified_bot_category", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfWafAuthDetected = "cf.waf.auth_detected", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafContentScanHasFailed = "cf.waf.content_scan.has_failed", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafContentScanHasMaliciousObj =
        "cf.waf.content_scan.has_malicious_obj", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafContentScanHasObj = "cf.waf.content_scan.has_obj", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafContentScanNumMaliciousObj =
        "cf.waf.content_scan.num_malicious_obj", INT, NotBuilt, EVERYWHERE, Int(0);
    CfWafContentScanNumObj = "cf.waf.content_scan.num_obj", INT, NotBuilt, EVERYWHERE, Int(0);
    CfWafContentScanObjResults = "cf.waf.content_scan.obj_results", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWafContentScanObjSizes = "cf.waf.content_scan.obj_sizes", INT_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWafContentScanObjTypes = "cf.waf.content_scan.obj_types", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWafContentScanTruncated = "cf.waf.content_scan.truncated", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafCredentialCheckPasswordLeaked =
        "cf.waf.credential_check.password_leaked", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafCredentialCheckUsernameAndPasswordLeaked =
        "cf.waf.credential_check.username_and_password_leaked", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafCredentialCheckUsernameLeaked =
        "cf.waf.credential_check.username_leaked", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafCredentialCheckUsernamePasswordSimilar =
        "cf.waf.credential_check.username_password_similar", BOOL, NotBuilt, EVERYWHERE, False;
    CfWafScore = "cf.waf.score", INT, NotBuilt, EVERYWHERE, Int(100);
    CfWafScoreClass = "cf.waf.score.class", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfWafScoreRce = "cf.waf.score.rce", INT, NotBuilt, EVERYWHERE, Int(100);
    CfWafScoreSqli = "cf.waf.score.sqli", INT, NotBuilt, EVERYWHERE, Int(100);
    CfWafScoreXss = "cf.waf.score.xss", INT, NotBuilt, EVERYWHERE, Int(100);
    CfWafSignatureRequestCategories =
        "cf.waf.signature.request.categories", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWafSignatureRequestConfidence =
        "cf.waf.signature.request.confidence", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWafSignatureRequestRefs = "cf.waf.signature.request.refs", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWebAssetLabels = "cf.web_asset.labels", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    CfWorkerUpstreamZone = "cf.worker.upstream_zone", BYTES, NotBuilt, EVERYWHERE, Text("");
    CfZoneName = "cf.zone.name", BYTES, Exchange, EVERYWHERE, Text("");
    CfZonePlan = "cf.zone.plan", BYTES, Exchange, EVERYWHERE, Text("");
    HttpCookie = "http.cookie", BYTES, Head, EVERYWHERE, Text("");
    HttpHost = "http.host", BYTES, Head, EVERYWHERE, Text("");
    HttpReferer = "http.referer", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestAcceptedLanguages = "http.request.accepted_languages", BYTES_ARRAY, Head, LANGUAGES, Items;
    HttpRequestBodyForm = "http.request.body.form", BYTES_MAP, Body, EVERYWHERE, Items;
    HttpRequestBodyFormNames = "http.request.body.form.names", BYTES_ARRAY, Body, EVERYWHERE, Items;
    HttpRequestBodyFormValues = "http.request.body.form.values", BYTES_ARRAY, Body, EVERYWHERE, Items;
    HttpRequestBodyMime = "http.request.body.mime", BYTES, Body, EVERYWHERE, Text("");
    HttpRequestBodyMultipart = "http.request.body.multipart", BYTES_MAP, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartContentDispositions =
        "http.request.body.multipart.content_dispositions", BYTES_ARRAYS, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartContentTransferEncodings =
        "http.request.body.multipart.content_transfer_encodings", BYTES_ARRAYS, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartContentTypes =
        "http.request.body.multipart.content_types", BYTES_ARRAYS, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartFilenames =
        "http.request.body.multipart.filenames", BYTES_ARRAYS, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartNames =
        "http.request.body.multipart.names", BYTES_ARRAYS, Body, EVERYWHERE, Items;
    HttpRequestBodyMultipartValues =
        "http.request.body.multipart.values", BYTES_ARRAY, Body, EVERYWHERE, Items;
    HttpRequestBodyRaw = "http.request.body.raw", BYTES, Body, EVERYWHERE, Text("");
    HttpRequestBodySize = "http.request.body.size", INT, Body, EVERYWHERE, Int(0);
    HttpRequestBodyTruncated = "http.request.body.truncated", BOOL, Body, EVERYWHERE, False;
    HttpRequestCookies = "http.request.cookies", BYTES_MAP, Head, EVERYWHERE, Items;
    HttpRequestFullUri = "http.request.full_uri", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestHeaders = "http.request.headers", BYTES_MAP, Head, EVERYWHERE, Items;
    HttpRequestHeadersNames = "http.request.headers.names", BYTES_ARRAY, Head, EVERYWHERE, Items;
    HttpRequestHeadersTruncated = "http.request.headers.truncated", BOOL, Head, EVERYWHERE, False;
    HttpRequestHeadersValues = "http.request.headers.values", BYTES_ARRAY, Head, EVERYWHERE, Items;
    HttpRequestJwtClaims = "http.request.jwt.claims", BYTES_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsAud = "http.request.jwt.claims.aud", BYTES_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsAudNames =
        "http.request.jwt.claims.aud.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsAudValues =
        "http.request.jwt.claims.aud.values", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIatSec = "http.request.jwt.claims.iat.sec", INTS_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIatSecNames =
        "http.request.jwt.claims.iat.sec.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIatSecValues =
        "http.request.jwt.claims.iat.sec.values", INT_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIss = "http.request.jwt.claims.iss", BYTES_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIssNames =
        "http.request.jwt.claims.iss.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsIssValues =
        "http.request.jwt.claims.iss.values", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsJti = "http.request.jwt.claims.jti", BYTES_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsJtiNames =
        "http.request.jwt.claims.jti.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsJtiValues =
        "http.request.jwt.claims.jti.values", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsNbfSec = "http.request.jwt.claims.nbf.sec", INTS_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsNbfSecNames =
        "http.request.jwt.claims.nbf.sec.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsNbfSecValues =
        "http.request.jwt.claims.nbf.sec.values", INT_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsSub = "http.request.jwt.claims.sub", BYTES_MAP, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsSubNames =
        "http.request.jwt.claims.sub.names", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestJwtClaimsSubValues =
        "http.request.jwt.claims.sub.values", BYTES_ARRAY, NotBuilt, EVERYWHERE, Items;
    HttpRequestMethod = "http.request.method", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestTimestampMsec = "http.request.timestamp.msec", INT, Exchange, EVERYWHERE, Int(0);
    HttpRequestTimestampSec = "http.request.timestamp.sec", INT, Exchange, EVERYWHERE, Int(0);
    HttpRequestUri = "http.request.uri", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestUriArgs = "http.request.uri.args", BYTES_MAP, Head, EVERYWHERE, Items;
    HttpRequestUriArgsNames = "http.request.uri.args.names", BYTES_ARRAY, Head, EVERYWHERE, Items;
    HttpRequestUriArgsValues = "http.request.uri.args.values", BYTES_ARRAY, Head, EVERYWHERE, Items;
    HttpRequestUriPath = "http.request.uri.path", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestUriPathExtension = "http.request.uri.path.extension", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestUriQuery = "http.request.uri.query", BYTES, Head, EVERYWHERE, Text("");
    HttpRequestVersion = "http.request.version", BYTES, Head, EVERYWHERE, Text("");
    HttpResponseCode = "http.response.code", INT, Response, RESPONSES, Int(0);
    HttpResponseContentTypeMediaType =
        "http.response.content_type.media_type", BYTES, Response, MEDIA, Text("");
    HttpResponseHeaders = "http.response.headers", BYTES_MAP, Response, RESPONSES, Items;
    HttpResponseHeadersNames = "http.response.headers.names", BYTES_ARRAY, Response, RESPONSES, Items;
    HttpResponseHeadersValues = "http.response.headers.values", BYTES_ARRAY, Response, RESPONSES, Items;
    HttpUserAgent = "http.user_agent", BYTES, Head, EVERYWHERE, Text("");
    HttpXForwardedFor = "http.x_forwarded_for", BYTES, Head, EVERYWHERE, Text("");
    IpSrc = "ip.src", IP, Connection, EVERYWHERE, Missing;
    IpSrcAsnum = "ip.src.asnum", INT, Geo, EVERYWHERE, Int(0);
    IpSrcCity = "ip.src.city", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcContinent = "ip.src.continent", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcCountry = "ip.src.country", BYTES, Geo, EVERYWHERE, Text("XX");
    IpSrcIsInEuropeanUnion = "ip.src.is_in_european_union", BOOL, Geo, EVERYWHERE, False;
    IpSrcLat = "ip.src.lat", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcLon = "ip.src.lon", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcMetroCode = "ip.src.metro_code", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcPostalCode = "ip.src.postal_code", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcRegion = "ip.src.region", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcRegionCode = "ip.src.region_code", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcSubdivision1IsoCode = "ip.src.subdivision_1_iso_code", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcSubdivision2IsoCode = "ip.src.subdivision_2_iso_code", BYTES, Geo, EVERYWHERE, Text("");
    IpSrcTimezoneName = "ip.src.timezone.name", BYTES, Geo, TRANSFORM_VALUES, Text("");
    RawHttpRequestFullUri = "raw.http.request.full_uri", BYTES, Head, EVERYWHERE, Text("");
    RawHttpRequestHeaders = "raw.http.request.headers", BYTES_MAP, Head, HEADERS, Items;
    RawHttpRequestHeadersNames = "raw.http.request.headers.names", BYTES_ARRAY, Head, HEADERS, Items;
    RawHttpRequestHeadersValues = "raw.http.request.headers.values", BYTES_ARRAY, Head, HEADERS, Items;
    RawHttpRequestUri = "raw.http.request.uri", BYTES, Head, EVERYWHERE, Text("");
    RawHttpRequestUriArgs = "raw.http.request.uri.args", BYTES_MAP, Head, EVERYWHERE, Items;
    RawHttpRequestUriArgsNames = "raw.http.request.uri.args.names", BYTES_ARRAY, Head, EVERYWHERE, Items;
    RawHttpRequestUriArgsValues = "raw.http.request.uri.args.values", BYTES_ARRAY, Head, EVERYWHERE, Items;
    RawHttpRequestUriPath = "raw.http.request.uri.path", BYTES, Head, EVERYWHERE, Text("");
    RawHttpRequestUriPathExtension = "raw.http.request.uri.path.extension", BYTES, Head, EVERYWHERE, Text("");
    RawHttpRequestUriQuery = "raw.http.request.uri.query", BYTES, Head, EVERYWHERE, Text("");
    RawHttpResponseHeaders = "raw.http.response.headers", BYTES_MAP, Response, RESPONSES, Items;
    RawHttpResponseHeadersNames = "raw.http.response.headers.names", BYTES_ARRAY, Response, RESPONSES, Items;
    RawHttpResponseHeadersValues =
        "raw.http.response.headers.values", BYTES_ARRAY, Response, RESPONSES, Items;
    Ssl = "ssl", BOOL, Connection, EVERYWHERE, False;
}

/// Names that Cloudflare has given up and still accepts, sorted, with the field that each means.
pub(super) const ALIASES: &[(&str, FieldId)] = &[
    ("ip.geoip.asnum", FieldId::IpSrcAsnum),
    ("ip.geoip.continent", FieldId::IpSrcContinent),
    ("ip.geoip.country", FieldId::IpSrcCountry),
    ("ip.geoip.is_in_european_union", FieldId::IpSrcIsInEuropeanUnion),
    ("ip.geoip.subdivision_1_iso_code", FieldId::IpSrcSubdivision1IsoCode),
    ("ip.geoip.subdivision_2_iso_code", FieldId::IpSrcSubdivision2IsoCode),
];
