-- Score patterns per tag over time: how many documents a day, how they scored, and whether that shifts.
--
--   duckdb -c "SET VARIABLE folder = 'warehouse'" -f docs/queries/score_patterns.sql
--
-- `documents` and `selected` stand for all calls, also where the sidecar recorded a sample. `near` is the share within
-- 0.1 of the threshold, which a small change of the model or of the world would flip. `from 0 to 1` is the distribution
-- of the probabilities in ten steps; a bar's height is the root of its share, so that few high scores show beside many
-- low ones.
WITH scored AS (
    SELECT date, model, version, tag, probability, threshold, selected, 1 / sampling_probability AS weight,
        least(floor(10 * probability), 9)::INTEGER AS step
    FROM read_parquet(coalesce(getvariable('folder'), 'warehouse') || '/scores/*/*.parquet', hive_partitioning = true)
    WHERE purpose = 'production' AND probability IS NOT NULL
),
days AS (
    SELECT date, model, version, tag,
        sum(weight) AS documents,
        coalesce(sum(weight) FILTER (selected), 0) AS selected,
        coalesce(sum(weight) FILTER (abs(probability - threshold) <= 0.1), 0) AS near,
        sum(probability * weight) / sum(weight) AS mean,
        quantile_cont(probability, 0.5) AS median,
        quantile_cont(probability, 0.9) AS p90
    FROM scored
    GROUP BY ALL
),
steps AS (
    SELECT date, model, version, tag, step, sum(weight) AS documents
    FROM scored
    GROUP BY ALL
),
shapes AS (
    SELECT date, model, version, tag, map(list(step), list(documents)) AS by_step
    FROM steps
    GROUP BY ALL
)
SELECT date, tag, model, version,
    round(documents)::BIGINT AS documents,
    round(selected)::BIGINT AS selected,
    round(100 * selected / documents, 1) AS "selected %",
    round(100 * near / documents, 1) AS "near %",
    round(mean, 3) AS mean,
    round(median, 3) AS median,
    round(p90, 3) AS p90,
    array_to_string(
        [
            substr(' ▁▂▃▄▅▆▇█', 1 + ceil(8 * sqrt(coalesce(by_step[step], 0) / documents))::INTEGER, 1)
            FOR step IN range(10)
        ],
        ''
    ) AS "from 0 to 1"
FROM days
JOIN shapes USING (date, model, version, tag)
ORDER BY model, tag, version, date;
