-- What wrk asks for, and what it tells at the end in one line: requests, microseconds, the median and the 99th percentile
-- of the times, and how many requests failed.
--
--     wrk … -s benches/asking.lua URL -- METHOD PATH [NUMBERS] [FILE]
--
-- With NUMBERS each path ends with a number from 1 to it, in an order that is the same in each run. FILE has a cookie on
-- each line, which the requests have in turn.

local seed, turn, cookies = 1, 0, {}
local method, path, numbers

function init(arguments)
    method, path, numbers = arguments[1], arguments[2], tonumber(arguments[3] or 0)
    if arguments[4] then
        for cookie in io.lines(arguments[4]) do
            cookies[#cookies + 1] = { Cookie = cookie }
        end
    end
end

function request()
    local target = path
    if numbers > 0 then
        seed = seed * 48271 % 2147483647
        target = target .. (seed % numbers + 1)
    end
    turn = turn % math.max(#cookies, 1) + 1
    return wrk.format(method, target, cookies[turn])
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    local median, last = latency:percentile(50), latency:percentile(99)
    print(string.format("%d %d %d %d %d", summary.requests, summary.duration, median, last, failed))
end
