//! The framing of OpenPGP packets (RFC 9580 §4.2), before any of them is interpreted.
//!
//! A detached signature is a sequence of 1 to 16 signature packets with definite lengths, and nothing else: no
//! literal data, no compression, no one-pass signature, no partial or indeterminate lengths, nothing left over.

/// Most signatures of one file.
const PACKETS_LIMIT: usize = 16;
/// The packet type ID of signatures (§5.2).
const SIGNATURE: u8 = 2;

/// How bytes are not a sequence of signature packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketFault {
    /// Not the first byte of a packet.
    #[error("not an OpenPGP packet")]
    NotAPacket,
    /// A packet of another type.
    #[error("packet of type {0} in a detached signature")]
    Type(u8),
    /// A length that is partial, indeterminate or beyond the end.
    #[error("packet with an indefinite or wrong length")]
    Length,
    /// More than anyone needs.
    #[error("more than 16 packets")]
    TooMany,
}

/// The bodies of the packets.
pub(super) fn signature_bodies(mut bytes: &[u8]) -> Result<Vec<&[u8]>, PacketFault> {
    let mut bodies = Vec::new();
    while let Some((&first, rest)) = bytes.split_first() {
        if bodies.len() == PACKETS_LIMIT {
            return Err(PacketFault::TooMany);
        }
        let (type_id, is_new) = match first >> 6 {
            0b11 => (first & 0x3f, true),
            0b10 => (first >> 2 & 0xf, false),
            _ => return Err(PacketFault::NotAPacket),
        };
        if type_id != SIGNATURE {
            return Err(PacketFault::Type(type_id));
        }
        let (length, rest) = if is_new { new_length(rest)? } else { old_length(first & 3, rest)? };
        let (body, after) = rest.split_at_checked(length).ok_or(PacketFault::Length)?;
        bodies.push(body);
        bytes = after;
    }
    if bodies.is_empty() { Err(PacketFault::NotAPacket) } else { Ok(bodies) }
}

/// The OpenPGP format's length (§4.2.1): one, two or five octets; 224 to 254 would begin a partial body.
fn new_length(bytes: &[u8]) -> Result<(usize, &[u8]), PacketFault> {
    match *bytes {
        [one @ 0..=191, ref rest @ ..] => Ok((one.into(), rest)),
        [one @ 192..=223, two, ref rest @ ..] => Ok(((usize::from(one) - 192) * 256 + usize::from(two) + 192, rest)),
        [255, a, b, c, d, ref rest @ ..] => {
            let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).map_err(|_| PacketFault::Length)?;
            Ok((length, rest))
        }
        _ => Err(PacketFault::Length),
    }
}

/// The legacy format's length (§4.2.2); type 3 is indeterminate.
fn old_length(length_type: u8, bytes: &[u8]) -> Result<(usize, &[u8]), PacketFault> {
    match (length_type, bytes) {
        (0, [a, rest @ ..]) => Ok(((*a).into(), rest)),
        (1, [a, b, rest @ ..]) => Ok((u16::from_be_bytes([*a, *b]).into(), rest)),
        (2, [a, b, c, d, rest @ ..]) => {
            let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).map_err(|_| PacketFault::Length)?;
            Ok((length, rest))
        }
        _ => Err(PacketFault::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definite_length_is_read() {
        for header in [&[0xc2, 3][..], &[0xc2, 255, 0, 0, 0, 3], &[0x88, 3], &[0x89, 0, 3], &[0x8a, 0, 0, 0, 3]] {
            let packet = [header, b"abc"].concat();
            assert_eq!(signature_bodies(&packet), Ok(vec![&b"abc"[..]]), "{header:x?}");
            assert_eq!(signature_bodies(&packet.repeat(16)).map(|bodies| bodies.len()), Ok(16));
            assert_eq!(signature_bodies(&packet.repeat(17)), Err(PacketFault::TooMany));
            assert_eq!(signature_bodies(&packet[..packet.len() - 1]), Err(PacketFault::Length));
        }
        let long = [&[0xc2, 192, 8][..], &[7; 200]].concat();
        assert_eq!(signature_bodies(&long), Ok(vec![&[7; 200][..]]));
        // The longest that two octets can tell, and one in between.
        for (length, bytes) in [([223, 255], 8383), ([194, 3], 707)] {
            let content = vec![7; bytes];
            let packet = [&[0xc2][..], &length, &content].concat();
            assert_eq!(signature_bodies(&packet), Ok(vec![&content[..]]));
        }
    }

    #[test]
    fn other_packets_and_lengths_are_refused() {
        for (bytes, fault) in [
            (&b""[..], PacketFault::NotAPacket),
            (b"<html>", PacketFault::NotAPacket),
            (&[0xc2, 224, 0], PacketFault::Length),
            (&[0x8b, 1, 2], PacketFault::Length),
            (&[0xc2, 255, 0xff, 0xff, 0xff, 0xff, 0], PacketFault::Length),
            (&[0xc2], PacketFault::Length),
            (&[0xcb, 1, 0], PacketFault::Type(11)),
            (&[0xa3, 1, 0], PacketFault::Type(8)),
            (&[0xc4, 1, 0], PacketFault::Type(4)),
            (&[0xc2, 1, 0, 0xd4, 1, 0], PacketFault::Type(20)),
            (&[0xc2, 1, 0, 0], PacketFault::NotAPacket),
        ] {
            assert_eq!(signature_bodies(bytes), Err(fault), "{bytes:x?}");
        }
    }
}
