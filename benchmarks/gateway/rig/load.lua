-- Posts one fixed body as fast as the connections allow. From the environment: BODY (a file), HEADERS (a line each).
-- It ends with one line of figures: requests, microseconds, five kinds of errors, and latencies in milliseconds.
local file = assert(io.open(os.getenv("BODY"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
for line in os.getenv("HEADERS"):gmatch("[^\n]+") do
  local name, value = line:match("^(.-): (.*)$")
  wrk.headers[name] = value
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("FIGURES %d %d %d %d %d %d %d %.4f %.4f\n", summary.requests, summary.duration, errors.status,
    errors.connect, errors.read, errors.write, errors.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
