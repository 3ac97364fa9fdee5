-- What wrk sends: wrk -s load.lua URL -- KIND PATH TOKEN. KIND is `read`, `token`, or `flow`: token, listing and document on a
-- connection of its own, the way an SDK starts; there every connection needs a thread of its own, which keeps its place in the flow.
local listing = '/latest/meta-data/iam/security-credentials/'

local function get(path, token, last)
  local headers = { ['x-aws-ec2-metadata-token'] = token }
  if last then headers['Connection'] = 'close' end
  return wrk.format('GET', path, headers)
end

function init(args)
  local kind, path, token = args[1], args[2], args[3]
  local put = wrk.format('PUT', '/latest/api/token', { ['x-aws-ec2-metadata-token-ttl-seconds'] = '21600' })
  local read = get(path, token)
  if kind == 'read' then
    request = function() return read end
  elseif kind == 'token' then
    request = function() return put end
  else
    local step, held = 0, token
    request = function()
      step = step % 3 + 1
      if step == 1 then return put end
      return get(step == 2 and listing or path, held, step == 3)
    end
    response = function(_, _, body)
      if step == 1 then held = body end
    end
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"p99Us":%d,"failures":%d}\n', summary.requests, latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
