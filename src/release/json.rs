//! JSON read strictly: bounded depth, no duplicate key, nothing after the end.
//!
//! Parsers differ in which of two equal keys wins, so an index with both could show one file to a person
//! and another to goverify; RFC 8259 §4 only says that names *should* be unique.
//!
//! An object of one key takes up to 210 bytes in memory for six in the document. So a document has at most 400,000
//! values, and an object at most 64 keys: with its texts, which are no longer than the document, one of 8 MiB stays
//! below 100 MB (measured: 80 MB, for nested objects of one key each).

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::error::escaped;

/// Deepest nesting; the real index has 4.
const DEPTH_LIMIT: usize = 16;
/// Most values, those in unknown keys included. The index of all releases of November 2021 has 24,577 in 0.7 MB, so
/// one of 8 MiB would have 280,000.
const VALUES_LIMIT: usize = 400_000;
/// Most keys of an object; the real index has 7.
const KEYS_LIMIT: usize = 64;

/// A JSON value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(u64),
    /// Negative or with a fraction, as no number of an index is.
    OtherNumber,
    Text(Box<str>),
    List(Box<[Json]>),
    /// In the document's order, without duplicates.
    Object(Box<[(Box<str>, Json)]>),
}

impl Json {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let values = Cell::new(0);
        let value = Place { levels: DEPTH_LIMIT, values: &values }.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }

    pub(super) fn into_text(self) -> Option<Box<str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn into_list(self) -> Option<Box<[Self]>> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// Takes a field's value out of an object.
    pub(super) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Object(fields) = self else { return None };
        let (_, value) = fields.iter_mut().find(|(key, _)| **key == *name)?;
        Some(std::mem::replace(value, Self::Null))
    }
}

/// Where a value may stand.
#[derive(Clone, Copy)]
struct Place<'a> {
    /// How many levels may still open.
    levels: usize,
    /// How many values there were so far.
    values: &'a Cell<usize>,
}

impl Place<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.levels.checked_sub(1) {
            Some(levels) => Ok(Self { levels, ..self }),
            None => Err(E::custom(format_args!("nested deeper than {DEPTH_LIMIT}"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > VALUES_LIMIT {
            return Err(D::Error::custom(format_args!("more than {VALUES_LIMIT} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(u64::try_from(value).map_or(Json::OtherNumber, Json::Integer))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = sequence.next_element_seed(deeper)? {
            list.push(value);
        }
        Ok(Json::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut fields: Vec<(Box<str>, Json)> = Vec::new();
        while let Some(key) = map.next_key::<Box<str>>()? {
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format_args!("duplicate key \"{}\"", escaped(&key))));
            }
            if fields.len() == KEYS_LIMIT {
                return Err(A::Error::custom(format_args!("more than {KEYS_LIMIT} keys in an object")));
            }
            fields.push((key, map.next_value_seed(deeper)?));
        }
        Ok(Json::Object(fields.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j07_values_and_keys_are_counted() {
        let list = |values: usize| format!("[{}]", vec!["0"; values].join(","));
        let objects = |objects: usize| format!("[{}]", vec![r#"{"a":[{}]}"#; objects].join(","));
        let keys = |keys: usize| {
            let fields: Vec<_> = (0..keys).map(|n| format!("\"k{n}\":{n}")).collect();
            format!("[{{}},{{{}}}]", fields.join(","))
        };
        for (accepted, refused, reason) in [
            (list(VALUES_LIMIT - 1), list(VALUES_LIMIT), "more than 400000 values"),
            (objects((VALUES_LIMIT - 1) / 3), objects(VALUES_LIMIT / 3 + 1), "more than 400000 values"),
            (keys(KEYS_LIMIT), keys(KEYS_LIMIT + 1), "more than 64 keys in an object"),
        ] {
            assert!(Json::parse(accepted.as_bytes()).is_ok());
            let error = Json::parse(refused.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{error}");
        }
    }

    #[test]
    fn j03_long_duplicate_key_makes_no_long_message() {
        let key = "\\u0001".repeat(100_000);
        let error = Json::parse(format!(r#"{{"{key}":1,"{key}":2}}"#).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(r#"duplicate key "\u{1}\u{1}"#) && error.len() < 2_000, "{error:.200}");
    }

    #[test]
    fn a_value_takes_no_more_memory_than_the_limits_reckon_with() {
        assert!(size_of::<Json>() <= 24 && size_of::<(Box<str>, Json)>() <= 40);
    }
}
