//! Methods that set a field and can be chained.

/// Makes for each field a method that sets it and can be chained.
macro_rules! setters {
    ($($(#[$attribute:meta])* $field:ident: $type:ty),* $(,)?) => {$(
        $(#[$attribute])*
        #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field.into();
            self
        }
    )*};
}
pub(crate) use setters;
