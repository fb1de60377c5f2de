//! How ids look in the description of an API; the other types derive theirs.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{
    CustomerId, MigrationId, OfferId, OrderId, RunId, ServicePlanId, SkuId, SubscriptionId, UserId,
};

macro_rules! id {
    ($($name:ident $means:literal $format:expr;)*) => { $(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String);
                text.format($format).description(Some($means)).into()
            }
        }
        impl ToSchema for $name {}
    )* };
}

const GUID: Option<SchemaFormat> = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));

id! {
    MigrationId "One old subscription moved to one target plan." GUID;
    RunId "One execution of a plan." GUID;
    CustomerId "A customer of the partner, which is a tenant." GUID;
    SubscriptionId "A subscription, old or new." GUID;
    SkuId "A product in a tenant: what licenses hang on." GUID;
    ServicePlanId "A service plan inside a SKU." GUID;
    UserId "A user of a tenant." GUID;
    OfferId "Something on sale: a GUID for legacy offers, `product:sku:availability` in new commerce." None;
    OrderId "An order: a GUID for legacy orders, twelve hexadecimal digits in new commerce." None;
}
