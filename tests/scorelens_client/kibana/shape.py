"""The shape of saved objects that Kibana imports, as a JSON schema of objects whose texts are decoded."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]


def closed(required: Json, optional: Json | None = None) -> Json:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": required | (optional or {}),
        "additionalProperties": False,
    }


def array(items: Json, **more: Any) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **more}


TEXT: Final[Json] = {"type": "string"}
WORD: Final[Json] = {"type": "string", "minLength": 1}
FLAG: Final[Json] = {"type": "boolean"}
WHOLE: Final[Json] = {"type": "integer", "minimum": 0}
UUID: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
ANY: Final[Json] = {"type": "object"}
NUMBERS: Final = ("count", "sum", "average", "median", "percentile", "unique_count")
BUCKETS: Final = ("terms", "date_histogram", "range", "filters")
QUERY: Final = closed({"language": {"const": "lucene"}, "query": TEXT})
SOURCE: Final = closed({"query": QUERY, "filter": {"const": []}}, {"indexRefName": WORD})
META: Final = closed({"searchSourceJSON": SOURCE})
REFERENCE: Final = closed({"type": {"enum": ["index-pattern", "search", "dashboard"]}, "id": UUID, "name": WORD})

COLUMN: Final = closed(
    {
        "label": WORD,
        "customLabel": FLAG,
        "dataType": {"enum": ["number", "string", "date"]},
        "isBucketed": FLAG,
        "operationType": {"enum": [*NUMBERS, *BUCKETS]},
        "scale": {"enum": ["ratio", "ordinal", "interval"]},
        "params": ANY,
    },
    {"sourceField": WORD, "filter": QUERY},
)
LAYER: Final = closed(
    {
        "columns": {"type": "object", "additionalProperties": COLUMN, "minProperties": 1},
        "columnOrder": array(WORD, minItems=1, uniqueItems=True),
        "incompleteColumns": {"const": {}},
        "sampling": {"const": 1},
        "ignoreGlobalFilters": {"const": False},
    }
)
LENS: Final = closed(
    {
        "title": TEXT,
        "description": TEXT,
        "type": {"const": "lens"},
        "visualizationType": {"enum": ["lnsXY", "lnsDatatable", "lnsMetric"]},
        "references": array(REFERENCE, minItems=1),
        "state": closed(
            {
                "visualization": ANY,
                "query": QUERY,
                "filters": {"const": []},
                "datasourceStates": closed(
                    {"formBased": closed({"layers": {"type": "object", "additionalProperties": LAYER}})}
                ),
                "internalReferences": {"const": []},
                "adHocDataViews": {"const": {}},
            }
        ),
    }
)
PLACE: Final = closed({"x": WHOLE, "y": WHOLE, "w": WHOLE, "h": WHOLE, "i": UUID})


def panel(kind: str, config: Json, **more: Json) -> Json:
    """Return the schema of a panel of one type."""
    common = {"type": {"const": kind}, "title": WORD, "panelIndex": UUID, "gridData": PLACE}
    return closed(common | {"embeddableConfig": config} | more)


NOTHING: Final[dict[str, dict[str, str]]] = {"const": {}}
PANELS: Final = {
    "oneOf": [
        panel("lens", closed({"attributes": LENS, "enhancements": NOTHING})),
        panel("search", closed({"enhancements": NOTHING}), panelRefName=WORD),
        panel(
            "visualization",
            closed({"savedVis": ANY, "enhancements": NOTHING, "hidePanelTitles": {"const": True}}),
        ),
        panel("links", closed({"attributes": ANY, "enhancements": NOTHING, "hidePanelTitles": {"const": True}})),
    ]
}
CONTROL: Final = closed(
    {
        "type": {"const": "optionsListControl"},
        "order": WHOLE,
        "width": {"enum": ["small", "medium", "large"]},
        "grow": FLAG,
        "explicitInput": closed({"id": UUID, "fieldName": WORD, "title": WORD, "enhancements": NOTHING}),
    }
)
CONTROLS: Final = closed(
    {
        "controlStyle": {"const": "oneLine"},
        "chainingSystem": {"const": "HIERARCHICAL"},
        "showApplySelections": FLAG,
        "ignoreParentSettingsJSON": {"type": "object", "additionalProperties": FLAG},
        "panelsJSON": {"type": "object", "additionalProperties": CONTROL},
    }
)
DATA_VIEW: Final = closed(
    {
        "title": WORD,
        "name": WORD,
        "timeFieldName": {"const": "@timestamp"},
        "fieldFormatMap": {"type": "object", "additionalProperties": closed({"id": WORD, "params": ANY})},
        "fieldAttrs": {"type": "object", "additionalProperties": closed({"customLabel": WORD})},
        "fields": {"const": "[]"},
        "sourceFilters": {"const": "[]"},
        "runtimeFieldMap": {"const": "{}"},
        "typeMeta": {"const": "{}"},
        "allowHidden": FLAG,
    },
    {"allowNoIndex": FLAG},
)
SEARCH: Final = closed(
    {
        "title": WORD,
        "description": WORD,
        "columns": array(WORD, minItems=1, uniqueItems=True),
        "sort": array(array(WORD, minItems=2, maxItems=2)),
        "grid": NOTHING,
        "hideChart": FLAG,
        "isTextBasedQuery": {"const": False},
        "timeRestore": {"const": False},
        "kibanaSavedObjectMeta": META,
    }
)
DASHBOARD: Final = closed(
    {
        "title": WORD,
        "description": WORD,
        "panelsJSON": array(PANELS, minItems=1),
        "optionsJSON": {"type": "object", "additionalProperties": FLAG},
        "controlGroupInput": CONTROLS,
        "kibanaSavedObjectMeta": META,
        "timeRestore": {"const": True},
        "timeFrom": WORD,
        "timeTo": {"const": "now"},
        "refreshInterval": closed({"pause": FLAG, "value": WHOLE}),
        "version": {"const": 1},
    }
)


def saved(kind: str, attributes: Json, version: str) -> Json:
    """Return the schema of one kind of saved object."""
    return closed(
        {
            "id": UUID,
            "type": {"const": kind},
            "attributes": attributes,
            "references": array(REFERENCE),
            "coreMigrationVersion": {"const": "8.8.0"},
            "typeMigrationVersion": {"const": version},
            "managed": {"const": False},
        }
    )


SHAPES: Final = {
    "index-pattern": saved("index-pattern", DATA_VIEW, "8.0.0"),
    "search": saved("search", SEARCH, "10.1.0"),
    "dashboard": saved("dashboard", DASHBOARD, "10.2.0"),
}
