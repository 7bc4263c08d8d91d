"""What to do next, in Chinese: for `cli.details`."""

from cli.matching import Words

HINTS: tuple[tuple[str, Words], ...] = (
    (r"state a version of its own in the file", "请在文件中另写一个 version"),
    (r"ask again: each question looks through ([\d,]+) more", r"请再问一次：每次再查看 \1 条"),
    (r"try again", "请再试一次"),
    (
        r"is it the right place\? without one: leave --public out",
        "请核对位置；没有副本时不写 --public",
    ),
    (r"try again later", "请稍后再试"),
    (r"try again in a moment", "请稍候再试"),
    (r"try again in a moment; a court packet waits for the cosigners", "请稍候再试，等待联合签名"),
    (r"try again when a quorum has cosigned", "达到法定人数后再试"),
    (r"send it again once nobody writes to it", "无人写入该文件后，重新发送"),
    (
        r"make pyz builds dist/tiezheng-verify\.pyz",
        "以 make pyz 生成 dist/tiezheng-verify.pyz",
    ),
    (r"name another", "请另写名称"),
    (r"name another folder with -o", "请用 -o 另写文件夹"),
    (r"name a folder elsewhere with -o", "请用 -o 写在别处"),
    (r"make a new key with tiezheng keygen", "请用 tiezheng keygen 生成新密钥"),
    (r"give --key once for each", "每人各写一次 --key"),
    (
        r"give the SM2 key beside an Ed25519 key of the same person",
        "SM2 密钥须与本人的 Ed25519 密钥并用",
    ),
    (
        r"install OpenSSL 3\.0 or later on this system, and check again",
        "请安装 OpenSSL 3.0 或更新版本后再核验",
    ),
    (r"is this made from that original\?", "此件是否由该原件制作？"),
    (r"filing it again would make a second statement", "再次登记将成为另一份陈述"),
    (
        r"file what lacks as a correction: (.*); or take the packet as it is: (\S+)",
        r"请以更正陈述补充：\1；或照现状制作：\2",
    ),
    (
        r"name it by its place such as 2026-17, its id, or a file by its SHA-256",
        "请写日志位置（如 2026-17）、编号，或文件的 SHA-256",
    ),
    (
        r"name cosigners outside the executive: a notary, a court, an archive",
        "请写行政机关以外的联合签名人：公证机构、法院、档案馆",
    ),
    (r"every backup holds it: put it back", "每份备份中都有，请放回原处"),
    (r"if it is lost for good: (tiezheng .*)", r"确已丢失的：\1"),
    (r"install the extra: (pip install .*)", r"请安装扩展：\1"),
    (r"(tiezheng \S+) says more", r"详情见 \1"),
    (r"(tiezheng verify .*) says why", r"原因见 \1"),
    (r"start one", "请先启动一个"),
    (r"another office must take it", "须由另一机构受理"),
    (r"a notary signs with a key of his own: (.*)", r"公证员须用本人的密钥：\1"),
    (r"a packet has the keys of those who signed in its case", "证据包只有在本案签名者的密钥"),
    (r"draw it up again: (.*)", r"请重新制作：\1"),
    (
        r"draw it up under another number, or revoke that one first",
        "请另用编号制作，或者先撤销该证书",
    ),
    (
        r"refuse it with --ground disputed, or say with --note why not",
        "请以 --ground disputed 不予受理，或者用 --note 写明理由",
    ),
    (
        r"its chain and revocation lists must be at hand, and valid today",
        "须备齐有效的证书链和吊销列表",
    ),
    (
        r"its state is old or another's: go on under a new key only",
        "其状态陈旧或属于他人：只能改用新密钥",
    ),
    (r"its items: (.*)", r"其中有 \1"),
    (
        r"the log is still open: start the server again, and try once they answer",
        "日志尚未关闭：请重新启动服务，待其应答后再试",
    ),
    (r"close the log with it: leave --log-key-lost out", "请用该密钥关闭日志，不加 --log-key-lost"),
    (
        r"tiezheng audit names the bad file; move the copy away to mirror it anew",
        "损坏的文件由 tiezheng audit 指明；移走该副本后重新镜像",
    ),
    (r"(tiezheng statistics --acts …), anew", r"请重新运行 \1"),
    (r"(tiezheng notary send) files what has no answer yet", r"尚无答复的由 \1 提交"),
    (r"(tiezheng notary ask) draws (?:one|another)", r"请用 \1 抽取"),
    (r"(tiezheng station status) shows them", r"用 \1 查看"),
    (r"make one with (tiezheng station init)", r"请用 \1 建立"),
    (r"its settings are in (station\.toml)", r"其设置在 \1"),
    (r"sha256sum writes such lists: (.*)", r"sha256sum 可生成此类清单：\1"),
)
