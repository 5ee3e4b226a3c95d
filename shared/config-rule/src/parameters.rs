use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess, Visitor, value::Error},
    forward_to_deserialize_any,
};

/// The parameters of a rule that has none: any parameter is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct NoParameters {}

/// Reads a rule's parameters into the struct that the rule declares.
///
/// Names that the struct does not have are refused, all at once, whether or not it says `deny_unknown_fields`: a
/// misspelt parameter must not silently leave a default in force.
pub(crate) fn read<P: DeserializeOwned>(given: &BTreeMap<String, String>) -> Result<P, Error> {
    P::deserialize(Given(given))
}

/// All parameters: name to text.
struct Given<'a>(&'a BTreeMap<String, String>);

impl<'de> Deserializer<'de> for Given<'de> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let unknown: Vec<&str> = self.0.keys().map(String::as_str).filter(|name| !fields.contains(name)).collect();
        if !unknown.is_empty() {
            let known =
                if fields.is_empty() { "there are none".to_owned() } else { format!("known are {}", quoted(fields)) };
            return Err(Error::custom(format_args!("unknown parameters {}; {known}", quoted(&unknown))));
        }
        visitor.visit_map(Remaining { parameters: self.0.iter(), current: None })
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("rule parameters can only be read into a struct with named fields"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

struct Remaining<'de> {
    parameters: std::collections::btree_map::Iter<'de, String, String>,
    current: Option<(&'de str, &'de str)>,
}

impl<'de> MapAccess<'de> for Remaining<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.parameters.next().map(|(name, text)| (name.as_str(), text.as_str()));
        self.current.map(|(name, _)| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, text)) = self.current else { return Err(Error::custom("a value was read before its name")) };
        seed.deserialize(Text(text)).map_err(|error| Error::custom(format_args!("parameter `{name}`: {error}")))
    }
}

/// One value. AWS Config hands over every value as a string, so that a number or a flag has to be read out of it.
struct Text<'de>(&'de str);

impl Text<'_> {
    fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, Error> {
        self.0.trim().parse().map_err(|error| Error::custom(format_args!("`{}` is refused: {error}", self.0)))
    }
}

macro_rules! parsed {
    ($($deserialize:ident $visit:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Limits {
        maximum_age_days: u32,
        #[serde(default)]
        strict: bool,
        owner: Option<String>,
        mode: Option<Mode>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Warn,
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn numbers_flags_and_enums_are_read_out_of_strings() {
        let limits: Limits =
            read(&given(&[("maximumAgeDays", "90"), ("strict", "true"), ("owner", "ops"), ("mode", "warn")])).unwrap();
        assert_eq!(
            limits,
            Limits { maximum_age_days: 90, strict: true, owner: Some("ops".into()), mode: Some(Mode::Warn) }
        );
    }

    #[test]
    fn absent_optional_parameters_take_their_defaults() {
        let limits: Limits = read(&given(&[("maximumAgeDays", "90")])).unwrap();
        assert_eq!(limits, Limits { maximum_age_days: 90, strict: false, owner: None, mode: None });
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        let check = |pairs: &[(&str, &str)], expected: &str| {
            assert_eq!(read::<Limits>(&given(pairs)).unwrap_err().to_string(), expected);
        };
        check(
            &[("maximumAgeDays", "ninety")],
            "parameter `maximumAgeDays`: `ninety` is refused: invalid digit found in string",
        );
        check(&[("strict", "true")], "missing field `maximumAgeDays`");
        check(
            &[("maximumAgeDays", "90"), ("strikt", "true"), ("maxAge", "1")],
            "unknown parameters `maxAge`, `strikt`; known are `maximumAgeDays`, `strict`, `owner`, `mode`",
        );
        check(
            &[("maximumAgeDays", "90"), ("mode", "enforce")],
            "parameter `mode`: unknown variant `enforce`, expected `warn`",
        );
    }

    #[test]
    fn a_rule_without_parameters_refuses_every_parameter() {
        assert_eq!(read::<NoParameters>(&given(&[])).unwrap(), NoParameters {});
        assert_eq!(
            read::<NoParameters>(&given(&[("a", "1")])).unwrap_err().to_string(),
            "unknown parameters `a`; there are none"
        );
    }

    #[test]
    fn a_type_that_could_not_refuse_unknown_names_is_no_parameter_type() {
        assert!(read::<BTreeMap<String, String>>(&given(&[("a", "1")])).is_err());
    }
}
