-- Posts signed bodies, each once; counts those that were sent twice because the corpus was too small.
local threads, count = {}, 0
function setup(thread)
  thread:set("number", count)
  count = count + 1
  table.insert(threads, thread)
end
function init(arguments)
  bodies, position, repeated = {}, 0, 0
  local line_number, all = 0, tonumber(os.getenv("WRK_THREADS") or "2")
  for line in io.lines(os.getenv("BODIES")) do
    if line_number % all == number then bodies[#bodies + 1] = line end
    line_number = line_number + 1
  end
  headers = { ["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8", ["Host"] = wrk.headers["Host"] }
end
function request()
  position = position + 1
  if position > #bodies then position = 1; repeated = repeated + 1 end
  return wrk.format("POST", nil, headers, bodies[position])
end
function done(summary, latency, requests)
  local again = 0
  for _, thread in ipairs(threads) do again = again + (thread:get("repeated") or 0) end
  io.write(string.format('{"requests":%d,"rate":%.1f,"p50":%.3f,"p99":%.3f,"refused":%d,"broken":%d,"repeated":%d}\n',
    summary.requests, summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, again))
end
