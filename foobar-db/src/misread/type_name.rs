use mysql_async::consts::ColumnType;

/// What the server calls a type, as a schema has it.
pub(crate) fn type_name(kind: ColumnType) -> String {
    let name = format!("{kind:?}");
    let name = name.trim_start_matches("MYSQL_TYPE_");
    match name {
        "TINY" => "TINYINT",
        "SHORT" => "SMALLINT",
        "INT24" => "MEDIUMINT",
        "LONG" => "INT",
        "LONGLONG" => "BIGINT",
        "NEWDECIMAL" => "DECIMAL",
        other => other,
    }
    .to_owned()
}
