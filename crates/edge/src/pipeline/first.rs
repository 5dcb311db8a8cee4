//! The stages that everybody passes before the rules of the zone.

use std::sync::Arc;

use rempart_flow::{Fault, Known};

use super::Progress;
use crate::exchange::Screening;

/// Finds the zone.
pub(super) fn zone(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    let host = screening.head.bytes(screening.head.host);
    screening.zone = screening.snapshot.zone_for_host(host);
    match screening.zone {
        None => Err(Fault::UnknownHost),
        Some(zone) if zone.is_held_back => Err(Fault::ZoneHeldBack),
        Some(_) if is_misdirected(screening, host) => Err(Fault::Misdirected),
        Some(_) => Ok(Progress::Done),
    }
}

/// RFC 9113 section 9.1.1: a visitor may use a connection for every name that its certificate covers. Here for those
/// for which it would have been shown the same one, so that no name is reached past what its own zone says of TLS.
fn is_misdirected(screening: &Screening<'_, '_>, host: &[u8]) -> bool {
    let Some(tls) = screening.peer.tls.as_ref().filter(|tls| tls.is_http2) else { return false };
    // Who named nobody has taken what it was shown for whatever it asks.
    let Some(asked_for) = &tls.server_name else { return false };
    if asked_for.as_bytes().eq_ignore_ascii_case(host) {
        return false;
    }
    let Ok(host) = std::str::from_utf8(host) else { return true };
    let shown = screening.snapshot.certificate_for(asked_for);
    let due = screening.snapshot.certificate_for(&host.to_ascii_lowercase());
    match (shown, due) {
        (Some(shown), Some(due)) => !Arc::ptr_eq(&shown, &due) && shown.cert != due.cert,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

/// The others are to be served meanwhile.
pub(super) const fn share(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    if screening.is_over_share { Err(Fault::ZoneOverShare) } else { Ok(Progress::Done) }
}

/// RFC 8586: a request that carries our token came through this installation before.
pub(super) fn loops(screening: &mut Screening<'_, '_>) -> Result<Progress, Fault> {
    let ours = screening.loop_token;
    let seen = screening.head.fields.values(Known::CdnLoop).any(|value| {
        // Tokens are compared whole: another installation's id may contain anything.
        value.split(|byte| *byte == b',').any(|token| token.trim_ascii() == ours)
    });
    if seen { Err(Fault::Loop) } else { Ok(Progress::Done) }
}
