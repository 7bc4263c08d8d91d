"""A small list of each kind, as agencies publish them."""

BENCHMARKS = """
list = "benchmarks"
title = "裁量基准"

[[clause]]
id = "CG-14-1"
name = "占道一平方米以下"
from = 0
to = 200

[[clause]]
id = "CG-14-2"
name = "占道一平方米以上"
act = "擅自占道"
from = 200
to = "1000.50"
"""

POWERS = """
list = "powers"
title = "行政权力事项清单"

[[power]]
id = "3205-0417"
name = "对擅自占用道路的处罚"
kind = "penalty"
words = ["占道罚款"]

[[power]]
id = "3205-0500"
name = "扣押经营工具"
kind = "coercion"
"""

MAJOR = """
list = "major_decisions"
title = "重大行政执法决定法制审核目录"

[[decision]]
id = "ZD-1"
name = "对公民处一万元以上罚款"
when = [{ fact = "party", is = "person" }, { fact = "amount", at_least = 10000 }]

[[decision]]
id = "ZD-2"
name = "吊销许可证"
when = [{ fact = "penalty", is = "revocation" }]
"""

FORBIDDEN = """
list = "auxiliary_forbidden"
title = "辅助执法行为负面清单"

[[item]]
id = "FM-1"
name = "单独询问当事人"
acts = ["questioning"]
"""

DELEGATED = """
list = "delegated_powers"
title = "赋权事项"

[[power]]
id = "3205-0417"
name = "对擅自占用道路的处罚"
kind = "penalty"
to = "street-01"
decision = "苏府〔2021〕9号"
published = "https://example.org/9"
"""

LENIENT = """
list = "lenient"
title = "免罚轻罚清单3.0"

[[item]]
id = "MF-1"
name = "初次占道且及时改正"
effect = "no_penalty"
basis = "处罚法 33"
"""

GUIDANCE = """
list = "guidance"
title = "行政合规指导清单"

[[item]]
id = "HG-1"
name = "户外广告"
text = "设置前申请许可"
note = "每年修订"
"""

LISTS = (BENCHMARKS, POWERS, MAJOR, FORBIDDEN, DELEGATED, LENIENT, GUIDANCE)
