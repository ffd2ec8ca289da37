-- Threshold against volume: how many documents each threshold would select, per tag, and with what share.
--
--   duckdb -c "SET VARIABLE folder = 'warehouse'; SET VARIABLE tag = 'complaint'" -f docs/queries/threshold_volume.sql
--
-- Without the variable `tag`, every tag. Thresholds from 0.05 to 0.95, and those in force (marked). `against today` is by
-- how much the number of selected documents would change. A document is selected at or above the threshold.
WITH scored AS (
    SELECT tag, model, version, probability, threshold, selected, 1 / sampling_probability AS weight
    FROM read_parquet(coalesce(getvariable('folder'), 'warehouse') || '/scores/*/*.parquet', hive_partitioning = true)
    WHERE purpose = 'production' AND probability IS NOT NULL AND coalesce(tag = getvariable('tag'), true)
),
tags AS (
    SELECT tag, model, version, sum(weight) AS documents, coalesce(sum(weight) FILTER (selected), 0) AS today
    FROM scored
    GROUP BY ALL
),
thresholds AS (
    SELECT tag, model, version, step / 20 AS threshold, false AS in_force
    FROM tags, range(1, 20) AS steps (step)
    UNION
    SELECT DISTINCT tag, model, version, threshold, true
    FROM scored
    WHERE threshold IS NOT NULL
),
volumes AS (
    SELECT tag, model, version, thresholds.threshold, bool_or(in_force) AS in_force,
        coalesce(sum(weight) FILTER (probability >= thresholds.threshold), 0) AS volume
    FROM thresholds
    JOIN scored USING (tag, model, version)
    GROUP BY ALL
)
SELECT tag, model, version,
    round(threshold, 4) AS threshold,
    if(in_force, '◀', '') AS "in force",
    round(volume)::BIGINT AS selected,
    round(100 * volume / documents, 2) AS "selected %",
    round(volume - today)::BIGINT AS "against today",
    bar(volume / documents, 0, 1, 20) AS share
FROM volumes
JOIN tags USING (tag, model, version)
ORDER BY tag, model, version, threshold;
